package xs2a

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"kontor/bank/profile"
)

type leaf struct {
	Old string `json:"old,omitempty"`
	New string `json:"new,omitempty" since:"1.3.9"`
}

type tree struct {
	leaf
	One    leaf    `json:"one"`
	Few    [2]leaf `json:"few"`
	Many   []leaf  `json:"many,omitempty"`
	Maybe  *leaf   `json:"maybe,omitempty"`
	Lists  *[]leaf `json:"lists,omitempty"`
	Newest []leaf  `json:"newest,omitempty" since:"1.3.12"`
	Parent *tree   `json:"parent,omitempty"`
	hidden leaf
}

type old struct {
	Text string `json:"text"`
}

func grown() tree {
	l := leaf{"o", "n"}
	inner := tree{Newest: []leaf{l}}
	return tree{leaf: l, One: l, Few: [2]leaf{l, l}, Many: []leaf{l, l}, Maybe: &l, Lists: &[]leaf{l}, Newest: []leaf{l}, Parent: &inner, hidden: l}
}

func TestCut(t *testing.T) {
	t.Parallel()
	at := func(name string) *level { return newLevel(profile.Profile{SpecLevel: name}.AtLeast) }
	write := func(v any) string {
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	whole := write(grown())
	for _, c := range []struct {
		name  string
		level *level
		body  any
		want  string
	}{
		{"nothing is taken out at the newest level", at("1.3.16"), grown(), whole},
		{"nothing is taken out without a level", nil, grown(), whole},
		{"a list is taken out whole, here and in the parent", at("1.3.11"), grown(),
			strings.ReplaceAll(strings.ReplaceAll(whole, `,"newest":[{"old":"o","new":"n"}],"parent"`, `,"parent"`), `,"newest":[{"old":"o","new":"n"}]`, "")},
		{"a field is taken out wherever it is", at("1.3.8"), grown(),
			`{"old":"o","one":{"old":"o"},"few":[{"old":"o"},{"old":"o"}],"many":[{"old":"o"},{"old":"o"}],"maybe":{"old":"o"},"lists":[{"old":"o"}],"parent":{"one":{},"few":[{},{}]}}`},
		{"a pointer is followed", at("1.3.8"), &leaf{"o", "n"}, `{"old":"o"}`},
		{"a pointer to nothing is not", at("1.3.8"), (*leaf)(nil), `null`},
		{"an empty list stays one", at("1.3.8"), []leaf{}, `[]`},
		{"no list stays none", at("1.3.8"), []leaf(nil), `null`},
		{"no body stays none", at("1.3.8"), nil, `null`},
		{"a text is none of a level's matters", at("1.3.6"), "text", `"text"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			before := write(c.body)
			if got := write(c.level.cut(c.body)); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
			if write(c.body) != before {
				t.Error("the body itself has changed")
			}
		})
	}
}

// A bank at the newest level must not pay for those that are not.
func TestCutCostsNothingWhereNothingIsNewer(t *testing.T) {
	l := newLevel(profile.Profile{SpecLevel: "1.3.8"}.AtLeast)
	var body any = old{"t"}
	l.cut(body)
	if n := testing.AllocsPerRun(100, func() { l.cut(body) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// What JSON would write although it is empty cannot be taken out, and a level that there is
// not would be taken for an old one.
func TestNewerFieldsCanBeLeftOut(t *testing.T) {
	t.Parallel()
	tagged := 0
	seen := map[reflect.Type]bool{}
	var look func(reflect.Type)
	look = func(t1 reflect.Type) {
		if seen[t1] {
			return
		}
		seen[t1] = true
		switch t1.Kind() {
		case reflect.Pointer, reflect.Slice, reflect.Array:
			look(t1.Elem())
		case reflect.Map, reflect.Interface:
			t.Errorf("%s: a level does not look into it", t1)
		case reflect.Struct:
			for f := range t1.Fields() {
				look(f.Type)
				since := f.Tag.Get("since")
				if since == "" {
					continue
				}
				tagged++
				if err := (profile.Profile{SpecLevel: since}).Validate(); strings.Contains(err.Error(), "specLevel") {
					t.Errorf("%s.%s: there is no level %s", t1, f.Name, since)
				}
				_, how, _ := strings.Cut(f.Tag.Get("json"), ",")
				if how != "omitzero" && (how != "omitempty" || f.Type.Kind() == reflect.Struct) {
					t.Errorf("%s.%s: JSON writes it although it is empty", t1, f.Name)
				}
			}
		}
	}
	for _, op := range operations {
		for _, wire := range []any{op.answer, op.body, op.accepted} {
			several, ok := wire.(byService)
			for _, one := range several {
				look(reflect.TypeOf(one.wire))
			}
			if !ok && wire != nil {
				look(reflect.TypeOf(wire))
			}
		}
	}
	if tagged < 5 { // a list that holds nothing would always pass
		t.Errorf("only %d fields tell their level; is this test looking in the right place?", tagged)
	}
}
