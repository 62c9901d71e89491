package xs2a

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"
)

// depthMax bounds how deep a request body may nest; none of ours nests deeper than six.
const depthMax = 32

// read decodes a JSON body into v. Members that v does not know are ignored, so that TPPs
// of a newer level are understood; what could be read in two ways is refused.
func (c *call) read(v any) error {
	_, err := c.readText(v)
	return err
}

// readText decodes a JSON body into v, as read does, and returns its text as well.
func (c *call) readText(v any) ([]byte, error) {
	b, err := c.body(jsonMedia)
	if err != nil {
		return nil, err
	}
	if err := unambiguous(b); err != nil {
		return nil, err
	}
	if err := json.Unmarshal(b, v); err != nil {
		if mistyped, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
			return nil, malformed(plainPath(reflect.TypeOf(v), mistyped.Field), "is not of the type that is expected here, but "+cut(mistyped.Value, 40))
		}
		return nil, malformed("", err.Error())
	}
	return b, nil
}

// plainPath returns the path of a field as JSON has it: that of encoding/json names the structs
// that are embedded on the way, too.
func plainPath(t reflect.Type, path string) string {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	first, rest, found := strings.Cut(path, ".")
	if !found || t.Kind() != reflect.Struct {
		return path
	}
	if f, ok := t.FieldByName(first); ok && f.Anonymous {
		return plainPath(f.Type, rest)
	}
	return path
}

// compacted returns JSON without blanks: what differs in nothing else is the same request.
// text is valid, because it was read before.
func compacted(text []byte) []byte {
	var b bytes.Buffer
	if len(text) > 0 {
		b.Grow(len(text))
		json.Compact(&b, text)
	}
	return b.Bytes()
}

// unambiguous refuses JSON that different readers understand differently: not valid, not
// UTF-8, members twice (also in another case, which encoding/json takes for the same), NUL
// characters; and what nests too deep.
func unambiguous(b []byte) error {
	if !utf8.Valid(b) {
		return malformed("", "body is not UTF-8")
	}
	if !json.Valid(b) {
		return malformed("", "body is not valid JSON")
	}
	if t := bytes.TrimSpace(b); len(t) == 0 || t[0] != '{' {
		return malformed("", "body is not a JSON object")
	}
	// The text is valid from here on, so the walk only needs to find strings and brackets.
	type object struct {
		names map[string]bool
		array bool
	}
	var open []object
	for i := 0; i < len(b); i++ {
		switch b[i] {
		case '{', '[':
			if len(open) == depthMax {
				return malformed("", "body nests too deep")
			}
			open = append(open, object{array: b[i] == '['})
		case '}', ']':
			open = open[:len(open)-1]
		case '"':
			end := i + 1
			for b[end] != '"' {
				if b[end] == '\\' {
					if bytes.HasPrefix(b[end:], []byte(`\u0000`)) {
						return malformed("", "body contains a NUL character")
					}
					end++
				}
				end++
			}
			text := b[i : end+1]
			i = end
			if in := &open[len(open)-1]; !in.array && isName(b[end+1:]) {
				var name string
				json.Unmarshal(text, &name) // valid: it was checked with the whole
				folded := strings.Map(fold, name)
				if in.names[folded] {
					return malformed(cut(name, 70), "stands twice in the same object")
				}
				if in.names == nil {
					in.names = map[string]bool{}
				}
				in.names[folded] = true
			}
		}
	}
	return nil
}

// fold maps letters that encoding/json takes for the same onto one: not only upper and lower
// case, also a long s and the sign for kelvin.
func fold(r rune) rune {
	least := r
	for next := unicode.SimpleFold(r); next != r; next = unicode.SimpleFold(next) {
		least = min(least, next)
	}
	return least
}

// isName says whether the string before rest is a member name.
func isName(rest []byte) bool {
	rest = bytes.TrimLeft(rest, " \t\r\n")
	return len(rest) > 0 && rest[0] == ':'
}

// buffers holds what answers are built in.
var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// keepMax is the largest buffer that is kept for another answer.
const keepMax = 1 << 20

func release(b *bytes.Buffer) {
	if b.Cap() <= keepMax {
		b.Reset()
		buffers.Put(b)
	}
}

var jsonType = []string{"application/json"}

// send writes ans.
func (a *API) send(c *call, ans answer) {
	if ans.sent {
		return
	}
	h := c.w.Header()
	for name, values := range ans.header {
		h[name] = values
	}
	raw := ans.raw
	if ans.body != nil {
		b := buffers.Get().(*bytes.Buffer)
		defer release(b)
		enc := json.NewEncoder(b)
		enc.SetEscapeHTML(false)
		if err := enc.Encode(a.level.cut(ans.body)); err != nil {
			a.Log.ErrorContext(c.Context(), "answer cannot be written", "operation", c.op.id, "requestId", c.requestID, "err", err)
			c.w.WriteHeader(http.StatusInternalServerError)
			return
		}
		raw = bytes.TrimSuffix(b.Bytes(), []byte("\n"))
	}
	if ans.free != nil {
		defer ans.free()
	}
	if raw == nil {
		c.w.WriteHeader(ans.status)
		return
	}
	if h["Content-Type"] == nil {
		h["Content-Type"] = jsonType
	}
	h["Content-Length"] = []string{strconv.Itoa(len(raw))}
	c.w.WriteHeader(ans.status)
	c.w.Write(raw)
}

// malformed is a FORMAT_ERROR at a field, header or parameter.
func malformed(path, text string) error { return &formatError{path, text} }

type formatError struct{ path, text string }

func (e *formatError) Error() string {
	if e.path == "" {
		return e.text
	}
	return fmt.Sprintf("%s %s", e.path, e.text)
}
func (e *formatError) Is(target error) bool { return target == errFormat }
