package doc_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"kontor/bank/profile"
)

var update = flag.Bool("update", false, "rewrite conformance.md")

//go:generate go test . -run ^TestConformance$ -update

// A document is what this test needs to know of an OpenAPI document.
type document struct {
	operations map[string]string // "GET /v1/consents/{}" → operation ID
	ids        map[string]bool
	schemas    map[string]bool
	properties map[string]bool // of any schema
	parameters map[string]bool // "header Consent-ID"
	media      map[string]bool // "in application/json", "out application/json"
}

// read reads a document of doc/spec; it is nil while there is none.
func read(t *testing.T, name string) *document {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("spec", name+".json"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	type schema struct {
		Properties map[string]json.RawMessage
	}
	type body struct{ Content map[string]json.RawMessage }
	type operation struct {
		OperationID string
		Parameters  []struct{ In, Name string }
		RequestBody body
		Responses   map[string]body
	}
	var file struct {
		Paths      map[string]map[string]json.RawMessage
		Components struct {
			Schemas   map[string]schema
			Responses map[string]body
		}
	}
	if err := json.Unmarshal(data, &file); err != nil {
		t.Fatalf("spec/%s.json: %v", name, err)
	}
	d := &document{map[string]string{}, map[string]bool{}, map[string]bool{}, map[string]bool{}, map[string]bool{}, map[string]bool{}}
	for path, item := range file.Paths {
		for method, raw := range item {
			if !slices.Contains([]string{"get", "put", "post", "delete", "patch"}, method) {
				continue
			}
			var op operation
			if err := json.Unmarshal(raw, &op); err != nil {
				t.Fatalf("spec/%s.json: %s %s: %v", name, method, path, err)
			}
			d.operations[request(method, path)] = op.OperationID
			d.ids[op.OperationID] = true
			for _, p := range op.Parameters {
				d.parameters[p.In+" "+p.Name] = true
			}
			for media := range op.RequestBody.Content {
				d.media["in "+media] = true
			}
			for _, b := range op.Responses {
				for media := range b.Content {
					d.media["out "+media] = true
				}
			}
		}
	}
	for _, b := range file.Components.Responses { // those that several operations share
		for media := range b.Content {
			d.media["out "+media] = true
		}
	}
	for id, s := range file.Components.Schemas {
		d.schemas[id] = true
		for p := range s.Properties {
			d.properties[p] = true
		}
	}
	return d
}

var variable = regexp.MustCompile(`\{[^}]*\}`)

// request names an operation so that the standard's names of variables do not matter. A
// payment service is a variable in the standard, and may be a word in our paths.
func request(method, path string) string {
	path = variable.ReplaceAllString(path, "{}")
	if rest, ok := strings.CutPrefix(path, "/v1/payments/"); ok {
		path = "/v1/{}/" + rest
	}
	return strings.ToUpper(method) + " " + path
}

// pointers finds the spec tags of all Go files: document, name → the files that have it.
func pointers(t *testing.T) map[[2]string][]string {
	t.Helper()
	tag := regexp.MustCompile(`(?m)// spec: (\w+)/(\S+)`)
	found := map[[2]string][]string{}
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && path != ".." && strings.HasPrefix(d.Name(), ".") {
			return filepath.SkipDir
		}
		if d.IsDir() || filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		source, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		file := strings.TrimPrefix(filepath.ToSlash(path), "../")
		for _, m := range tag.FindAllSubmatch(source, -1) {
			key := [2]string{string(m[1]), string(m[2])}
			if !slices.Contains(found[key], file) {
				found[key] = append(found[key], file)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// A pointer to nothing misleads its reader more than none.
func TestPointersExist(t *testing.T) {
	t.Parallel()
	documents := map[string]*document{}
	for key, files := range pointers(t) {
		name, target := key[0], key[1]
		d, known := documents[name]
		if !known {
			d = read(t, name)
			documents[name] = d
		}
		switch {
		case d == nil:
			t.Errorf("%v point into doc/spec/%s.json, which does not exist", files, name)
		case !d.ids[target] && !d.schemas[target] && !d.properties[target]:
			t.Errorf("%v: spec: %s/%s is no operation, schema or property of doc/spec/%s.json", files, name, target, name)
		}
	}
}

// Every operation of ours has one place in an edge that answers it, and says so.
func TestOperationsHaveAPlace(t *testing.T) {
	t.Parallel()
	d := read(t, "xs2a")
	if d == nil {
		t.Fatal("doc/spec/xs2a.json is missing: ./dev update makes it")
	}
	found := pointers(t)
	for id := range d.ids {
		if len(answeredBy(found, id)) != 1 {
			t.Errorf("%q is answered by %v; want one file of edge/xs2a with // spec: xs2a/%s", id, answeredBy(found, id), id)
		}
	}
}

func answeredBy(found map[[2]string][]string, id string) (files []string) {
	for _, f := range found[[2]string{"xs2a", id}] {
		if strings.HasPrefix(f, "edge/") {
			files = append(files, f)
		}
	}
	return files
}

func TestConformance(t *testing.T) {
	t.Parallel()
	d := read(t, "xs2a")
	if d == nil {
		t.Fatal("doc/spec/xs2a.json is missing: ./dev update makes it")
	}
	got := report(t, d, pointers(t))
	if *update {
		if err := os.WriteFile("conformance.md", got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile("conformance.md")
	if err != nil {
		t.Fatalf("%v: ./dev update writes it", err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("conformance.md is out of date; ./dev update rewrites it:\n%s", diff)
	}
}

func report(t *testing.T, d *document, found map[[2]string][]string) []byte {
	t.Helper()
	var body bytes.Buffer
	all, answered := 0, 0
	known := map[string]bool{}
	for _, g := range standard {
		fmt.Fprintf(&body, "\n## %s\n\n| operation | request | answered by |\n|---|---|---|\n", g.title)
		for _, op := range g.operations {
			all++
			known[request(op.method, op.path)] = true
			by := "not yet"
			if id, ok := d.operations[request(op.method, op.path)]; ok {
				answered++
				by = "no file says so"
				if files := answeredBy(found, id); len(files) > 0 {
					by = fmt.Sprintf("[%s](../%s)", files[0], files[0])
				}
			}
			fmt.Fprintf(&body, "| %s | `%s %s` | %s |\n", op.does, op.method, op.path, by)
		}
	}
	var own []string
	for r := range d.operations {
		if !known[r] {
			own = append(own, r)
		}
	}
	if len(own) > 0 {
		slices.Sort(own)
		fmt.Fprintf(&body, "\n## Beside the standard\n\n%s\n", "- `"+strings.Join(own, "`\n- `")+"`")
	}
	fmt.Fprint(&body, "\n## What operations can be asked and can answer\n\n| part of the standard | |\n|---|---|\n")
	for _, f := range features {
		there := "not yet"
		if f.there(d) {
			there = "yes"
		}
		fmt.Fprintf(&body, "| %s | %s |\n", f.name, there)
	}
	profiles(t, &body)

	var page bytes.Buffer
	fmt.Fprintf(&page, "# Conformance\n\nWhat of the Berlin Group's NextGenPSD2 XS2A framework (level 1.3.x) is there, and what is not. `./dev update` writes this\n"+
		"page from [our own document](spec/xs2a.json), which the tables of the code make, and from the `// spec:` tags in the code;\na test fails when it is out of date. Of what level 1.3.16 adds, payments tell that payees were verified (RCVC, RVCM, RVNC); its endpoints for that are not listed and not there.\n\n"+
		"**%d of %d operations are answered.** Which of them one bank offers is a matter of its profile.\n", answered, all)
	page.Write(body.Bytes())
	return page.Bytes()
}

// profiles says what the built-in profiles switch on.
func profiles(t *testing.T, w *bytes.Buffer) {
	t.Helper()
	var all []profile.Profile
	names := profile.Builtin()
	for _, name := range names {
		p, err := profile.Load(name)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
	fmt.Fprintf(w, "\n## Profiles\n\n| | %s |\n|---|%s\n", strings.Join(names, " | "), strings.Repeat("---|", len(names)))
	for _, row := range []struct {
		name string
		cell func(profile.Profile) string
	}{
		{"OAuth", func(p profile.Profile) string { return string(p.OAuth.Mode) }},
		{"SCA approaches", func(p profile.Profile) string { return join(p.SCAApproaches) }},
		{"consents", func(p profile.Profile) string {
			return namesOf(p.Consent.Dedicated, "dedicated", p.Consent.BankOffered, "bank-offered", p.Consent.Global, "global", p.Consent.AvailableAccounts, "available accounts")
		}},
		{"card accounts", func(p profile.Profile) string { return onOff(p.Accounts.Cards) }},
		{"bookingStatus", func(p profile.Profile) string { return strings.Join(p.Accounts.BookingStatuses, ", ") }},
		{"single payments", func(p profile.Profile) string { return join(p.Payments.Products["payments"]) }},
		{"confirmation of funds", func(p profile.Profile) string { return onOff(p.Funds.Enabled) }},
	} {
		fmt.Fprintf(w, "| %s |", row.name)
		for _, p := range all {
			fmt.Fprintf(w, " %s |", row.cell(p))
		}
		fmt.Fprintln(w)
	}
}

func onOff(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

func join[S ~string](list []S) string {
	var all []string
	for _, s := range list {
		all = append(all, string(s))
	}
	if all == nil {
		return "no"
	}
	return strings.Join(all, ", ")
}

// namesOf takes pairs of a switch and its name, and names those that are on.
func namesOf(pairs ...any) string {
	var on []string
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i].(bool) {
			on = append(on, pairs[i+1].(string))
		}
	}
	return join(on)
}
