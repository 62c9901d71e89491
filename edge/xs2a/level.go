package xs2a

import (
	"reflect"
	"sync"
)

// since says whether the bank speaks level of the standard, or a newer one. Answers that are
// written by hand, and not marshalled, ask it once for each answer, not for each entry.
func (a *API) since(level string) bool { return a.Bank.AtLeast(level) }

// A level takes out of answers what is newer than a bank's level of the standard. A field of
// a wire type tells by its tag, since:"1.3.9", with which level it came, and must be one that
// JSON leaves out when it is empty.
//
// A level is made once for a bank and used by many requests at a time. It looks at each type
// once: an answer with nothing to take out costs one look into a table.
type level struct {
	has   func(level string) bool
	types sync.Map // reflect.Type → *newer
}

func newLevel(has func(level string) bool) *level { return &level{has: has} }

// newer says what in a type is newer than the level.
type newer struct {
	any    bool  // there is something, here or further in
	fields []int // of a struct: to be emptied
	into   []int // of a struct: fields that have something further in
}

// cut returns body without what is newer. body itself stays as it is; what need not change is
// shared with it.
func (l *level) cut(body any) any {
	if l == nil || body == nil {
		return body
	}
	t := reflect.TypeOf(body)
	if !l.of(t).any {
		return body
	}
	v := reflect.New(t).Elem()
	v.Set(reflect.ValueOf(body))
	l.empty(v)
	return v.Interface()
}

// empty empties what is newer in v, which can be set. What v points to is copied first,
// because others may point to it as well.
func (l *level) empty(v reflect.Value) {
	n := l.of(v.Type())
	if !n.any {
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for _, i := range n.fields {
			v.Field(i).SetZero()
		}
		for _, i := range n.into {
			l.empty(v.Field(i))
		}
	case reflect.Pointer:
		if !v.IsNil() {
			own := reflect.New(v.Type().Elem())
			own.Elem().Set(v.Elem())
			l.empty(own.Elem())
			v.Set(own)
		}
	case reflect.Slice:
		if !v.IsNil() {
			own := reflect.MakeSlice(v.Type(), v.Len(), v.Len())
			reflect.Copy(own, v)
			v.Set(own)
		}
		for i := range v.Len() {
			l.empty(v.Index(i))
		}
	case reflect.Array:
		for i := range v.Len() {
			l.empty(v.Index(i))
		}
	}
}

// of says what in t is newer.
func (l *level) of(t reflect.Type) *newer {
	if known, ok := l.types.Load(t); ok {
		return known.(*newer)
	}
	n := &newer{any: l.holds(t, map[reflect.Type]bool{})}
	if n.any && t.Kind() == reflect.Struct {
		for i := range t.NumField() {
			switch f := t.Field(i); {
			case l.isNewer(f):
				n.fields = append(n.fields, i)
			case canHold(f) && l.holds(f.Type, map[reflect.Type]bool{}):
				n.into = append(n.into, i)
			}
		}
	}
	known, _ := l.types.LoadOrStore(t, n)
	return known.(*newer)
}

func (l *level) isNewer(f reflect.StructField) bool {
	since := f.Tag.Get("since")
	return since != "" && !l.has(since)
}

// canHold says whether JSON looks into f: what it does not write need not be taken out.
func canHold(f reflect.StructField) bool { return f.IsExported() || f.Anonymous }

// holds says whether there is something newer in t or further in. seen are the types on the
// way to t: what is newer in them is found without t.
func (l *level) holds(t reflect.Type, seen map[reflect.Type]bool) bool {
	if seen[t] {
		return false
	}
	seen[t] = true
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Array:
		return l.holds(t.Elem(), seen)
	case reflect.Struct:
		for i := range t.NumField() {
			if f := t.Field(i); l.isNewer(f) || canHold(f) && l.holds(f.Type, seen) {
				return true
			}
		}
	}
	return false
}
