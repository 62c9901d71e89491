package tour

import (
	"net/url"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const bankPage = `<!DOCTYPE html><html lang=en><head><title>A &lt;form&gt; in a title</title>
<meta http-equiv="Refresh" content="1; URL='/next?a=1&amp;b=2'"><style>h1{content:"<h1>no</h1>"}</style></head>
<body><!-- <form action="/commented"> --><h1>Approve
 a payment</h1><p class="alert" role="alert">Wrong &amp; late</p>
<dl><dt>Payee</dt><dd>Elena &lt;Dumitrescu&gt;</dd><dt>IBAN</dt><dd class="iban">SI56 1910 0000 0123 438</dd></dl>
<form method="post" action='/sca/1'><input type=hidden name=csrf value="t&quot;k"><input name=code disabled required/>
<input type="checkbox" name="accounts" value="a1" id="account-a1" checked><label for="account-a1">Current <b>SI56 1910</b></label>
<input type="checkbox" name="accounts" value="a2" id="account-a2"><label for="account-a2">Savings</label>
<button name="action" value="approve">Approve</button><button name="action" value="refuse">Refuse</button></form>
<form><input name=q value=x><button>Search</button></form><script>if (a < b) document.write("<form>")</script> 1 < 2</body>`

func TestPageIsReadAsAPersonSeesIt(t *testing.T) {
	t.Parallel()
	p := parsePage(bankPage)
	if p.title != "Approve a payment" || p.alert != "Wrong & late" {
		t.Errorf("title %q, alert %q", p.title, p.alert)
	}
	if !p.shows("SI56191000000123438") || !p.shows("Elena <Dumitrescu>") || p.shows("Elena") {
		t.Errorf("terms: %v", p.terms)
	}
	if p.refresh == nil || p.refresh.url != "/next?a=1&b=2" || p.refresh.after != time.Second {
		t.Errorf("refresh: %v", p.refresh)
	}
	if len(p.forms) != 2 || p.forms[0].method != "POST" || p.forms[1].method != "GET" {
		t.Fatalf("forms: %+v; those in comments and scripts are none", p.forms)
	}
	if p.labels["account-a1"] != "Current SI56 1910" {
		t.Errorf("labels: %v", p.labels)
	}
	if !contains(p.text, "1 < 2") || contains(p.text, "document.write") || contains(p.text, "content:") {
		t.Errorf("text: %q", p.text)
	}
}

func TestFormIsSentAsABrowserSendsIt(t *testing.T) {
	t.Parallel()
	f, ok := parsePage(bankPage).field("code")
	if !ok {
		t.Fatal("the form with the code was not found")
	}
	tests := map[string]struct {
		button string
		values url.Values
		want   url.Values // nil: refused
	}{
		"hidden fields and ticked boxes go along": {
			"approve", url.Values{"code": {"123"}},
			url.Values{"csrf": {`t"k`}, "code": {"123"}, "accounts": {"a1"}, "action": {"approve"}},
		},
		"what is chosen replaces what was ticked": {
			"approve", url.Values{"accounts": {"a2"}},
			url.Values{"csrf": {`t"k`}, "code": {""}, "accounts": {"a2"}, "action": {"approve"}},
		},
		"a box that is not there cannot be ticked":     {"approve", url.Values{"accounts": {"a3"}}, nil},
		"a field that is not there cannot be filled":   {"approve", url.Values{"amount": {"1"}}, nil},
		"a button that is not there cannot be clicked": {"delete", nil, nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := f.submission(tt.button, tt.values)
			if tt.want == nil {
				if err == nil {
					t.Errorf("sent %v", got)
				}
				return
			}
			if diff := cmp.Diff(tt.want, got); err != nil || diff != "" {
				t.Errorf("%v; (-want +got):\n%s", err, diff)
			}
		})
	}
}

func FuzzPage(f *testing.F) {
	f.Add(bankPage)
	for _, s := range []string{"<", "</", "<a", "<a b", "<a b=", `<a b="`, "<!--", "<title>", "<script", "<input name=x>", "</form><input name=x>", "<meta http-equiv=refresh>"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, source string) {
		parsePage(source) // must end, and not panic
	})
}
