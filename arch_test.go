// Package kontor_test holds the tests of the house itself: which room may know which.
package kontor_test

import (
	"io/fs"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// never lists the arrows that the house must not have, straight or through others. As in go
// commands, x/... is x and everything below it; *sql is every package whose name ends so.
var never = []struct{ from, to, why string }{
	{"noun", "net/http", "the rules know no protocol"},
	{"noun", "kontor/edge/...", "nor who publishes them"},
	{"noun", "database/sql", "nor how they are kept: that is the …sql package beside each noun"},
	{"noun", "*sql", "nor who keeps them"},
	{"kontor/bank/...", "kontor/connect/...", "the two halves meet only over HTTP"},
	{"kontor/connect/...", "kontor/bank/...", "the two halves meet only over HTTP"},
	{"kontor/edge/...", "*sql", "an edge reaches data through a noun; only app knows who keeps what"},
	{"kontor/edge/...", "database/sql", "an edge reaches data through a noun"},
	{"kontor/edge/...", "kontor/corebank/...", "the reference bank is a stranger: the hub knows it only over HTTP"},
	{"kontor/edge/...", "kontor/connector/...", "an edge asks a noun, and the noun asks the core; only callback knows the connector's words"},
	{"kontor/bank/...", "kontor/corebank/...", "the reference bank is a stranger"},
	{"kontor/bank/...", "kontor/connector/...", "bank/core is the port; connector is one that fits it"},
	{"kontor/corebank/...", "kontor/bank/...", "the bank is somebody else's: it knows connector/sdk and nothing of the hub"},
	{"kontor/corebank/...", "kontor/edge/...", "the bank is somebody else's, and has its own pages"},
	{"kontor/connector/sdk/...", "kontor/bank/...", "a bank that embeds the SDK does not embed the hub"},
	{"kontor/connector/wire/...", "kontor/bank/...", "the words of the wire belong to neither of its ends"},
	{"kontor/kit/...", "kontor/bank/...", "a tool has no opinion about banking rules"},
	{"kontor/kit/...", "kontor/connect/...", "a tool has no opinion about banking rules"},
	{"kontor/kit/...", "kontor/edge/...", "a tool does not know who uses it"},
	{"kontor/kit/...", "kontor/web", "a tool has no look"},
	{"kontor/web/...", "net/http", "files know no protocol: edge/page serves them"},
	{"kontor/xs2aclient/...", "kontor/bank/...", "a client knows a bank by what it publishes"},
	{"kontor/xs2aclient/...", "kontor/edge/...", "a client knows a bank by what it publishes"},
	{"kontor/bank/...", "kontor/app/...", "app builds the house; nothing in the house knows it"},
	{"kontor/edge/...", "kontor/app/...", "app builds the house; nothing in the house knows it"},
	{"kontor/connector/...", "kontor/app/...", "app builds the house; nothing in the house knows it"},
	{"kontor/corebank/...", "kontor/app/...", "the reference bank is a stranger"},
}

// except lists what stands outside a line of never, and why it may.
var except = []struct{ from, to, why string }{
	{"kontor/edge/callback/...", "kontor/connector/...", "it publishes the endpoints that connectors call, so it speaks their words"},
}

func TestArrows(t *testing.T) {
	t.Parallel()
	// -e: a package that does not compile is the compiler's matter, not this test's.
	out, err := exec.Command("go", "list", "-e", "-f", `{{.ImportPath}} {{join .Deps " "}}`, "./...").Output()
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for line := range strings.Lines(string(out)) {
		fields := strings.Fields(line)
		seen++
		for _, dep := range fields[1:] {
			if why := refused(fields[0], dep); why != "" {
				t.Errorf("%s reaches %s; but %s", fields[0], dep, why)
			}
		}
	}
	if seen < 10 {
		t.Errorf("only %d packages seen", seen)
	}
}

func refused(from, to string) string {
	for _, e := range except {
		if matches(e.from, from) && matches(e.to, to) {
			return ""
		}
	}
	for _, n := range never {
		if matches(n.from, from) && matches(n.to, to) {
			return n.why
		}
	}
	return ""
}

func matches(pattern, pkg string) bool {
	switch pattern {
	case "noun":
		return isNoun(pkg)
	case "*sql":
		// kit/sqldb is the tool that they share, and as much a store to others.
		return strings.HasPrefix(pkg, "kontor/") && (strings.HasSuffix(pkg, "sql") || pkg == "kontor/kit/sqldb")
	}
	root, below := strings.CutSuffix(pattern, "/...")
	return pkg == root || below && strings.HasPrefix(pkg, root+"/")
}

// isNoun says whether pkg holds rules: everything in the two halves, but stores, the suites
// that prove them, and drivers.
func isNoun(pkg string) bool {
	half := matches("kontor/bank/...", pkg) || matches("kontor/connect/...", pkg)
	beside := strings.HasSuffix(pkg, "sql") || strings.HasSuffix(pkg, "test") || matches("kontor/connect/driver/...", pkg)
	return half && !beside
}

// A list that refuses nothing would always pass.
func TestArrowsAreRefused(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, from, to string
		refused        bool
	}{
		{"a rule that knows HTTP", "kontor/bank/consent", "net/http", true},
		{"a rule that keeps itself", "kontor/bank/consent", "database/sql", true},
		{"a store that keeps its noun", "kontor/bank/consent/consentsql", "database/sql", false},
		{"a suite that opens stores", "kontor/bank/consent/consenttest", "database/sql", false},
		{"an edge that asks a noun", "kontor/edge/xs2a", "kontor/bank/consent", false},
		{"an edge that asks a store", "kontor/edge/xs2a", "kontor/bank/consent/consentsql", true},
		{"an edge that asks the reference bank", "kontor/edge/callback", "kontor/corebank/ledger", true},
		{"the callback edge that speaks the connector's words", "kontor/edge/callback", "kontor/connector/wire", false},
		{"another edge that does", "kontor/edge/oauth", "kontor/connector", true},
		{"a half that knows the other", "kontor/connect/link", "kontor/bank/consent", true},
		{"a bank that uses the SDK", "kontor/corebank", "kontor/connector/sdk", false},
		{"a bank that knows the hub", "kontor/corebank", "kontor/bank/core", true},
		{"a tool with an opinion", "kontor/kit/money", "kontor/bank/payment", true},
		{"a driver that speaks HTTP", "kontor/connect/driver/xs2a", "net/http", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if why := refused(c.from, c.to); (why != "") != c.refused {
				t.Errorf("refused: %q", why)
			}
		})
	}
}

// The house is cut by noun, never by layer: a folder of services or models is a pile in
// which everything ends up. A noun's own Service may stand in service.go, beside its rules.
var (
	layers     = []string{"service", "services", "handler", "handlers", "controller", "controllers", "repository", "repositories", "dto", "dtos", "model", "models", "manager", "mapper", "mappers"}
	nothings   = []string{"util", "utils", "common", "base", "helper", "helpers", "misc", "shared"}
	fileLayers = slices.DeleteFunc(slices.Clone(layers), func(s string) bool { return s == "service" })
)

func TestNames(t *testing.T) {
	t.Parallel()
	err := filepath.WalkDir(".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		base := d.Name()
		if d.IsDir() {
			if name != "." && strings.HasPrefix(base, ".") || base == "kontor-data" {
				return filepath.SkipDir
			}
			if slices.Contains(layers, base) || slices.Contains(nothings, base) {
				t.Errorf("folder %s is named for a layer; name it for what is in it", name)
			}
			return nil
		}
		if path.Ext(base) != ".go" {
			return nil
		}
		stem := strings.TrimSuffix(strings.TrimSuffix(base, ".go"), "_test")
		last := stem[strings.LastIndexByte(stem, '_')+1:]
		if slices.Contains(fileLayers, last) || slices.Contains(nothings, last) || strings.Contains(stem, "_service") {
			t.Errorf("file %s is named for a layer; name it for what is in it", name)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
