package tpp

import (
	"errors"
	"testing"
	"time"

	"kontor/kit/eidas"
)

func TestMay(t *testing.T) {
	for _, tt := range []struct {
		name  string
		roles []eidas.Role
		bank  bool
		asked eidas.Role
		err   error
	}{
		{"a role that is in the certificate", []eidas.Role{eidas.PI, eidas.AI}, false, eidas.AI, nil},
		{"a role that is not", []eidas.Role{eidas.PI, eidas.AI}, false, eidas.IC, ErrRole},
		{"no role", nil, true, eidas.AI, ErrRole},
		{"a bank is no TPP unless its profile says so", []eidas.Role{eidas.AS}, false, eidas.AI, ErrRole},
		{"a bank whose licence counts may read accounts", []eidas.Role{eidas.AS}, true, eidas.AI, nil},
		{"a bank whose licence counts may pay", []eidas.Role{eidas.AS}, true, eidas.PI, nil},
		{"a bank whose licence counts may ask for funds", []eidas.Role{eidas.AS}, true, eidas.IC, nil},
		{"a TPP does not become a bank", []eidas.Role{eidas.AI}, true, eidas.AS, ErrRole},
		{"a bank is a bank", []eidas.Role{eidas.AS}, false, eidas.AS, nil},
		{"Unspecified gives nothing", []eidas.Role{eidas.Unspecified}, true, eidas.AI, ErrRole},
		{"nobody may act as Unspecified", []eidas.Role{eidas.Unspecified}, true, eidas.Unspecified, ErrRole},
		{"a role that does not exist", []eidas.Role{"PSP_XX"}, true, "PSP_XX", ErrRole},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := TPP{Roles: tt.roles, BankMayActAsTPP: tt.bank}.May(tt.asked)
			if !errors.Is(err, tt.err) || tt.err == nil && err != nil {
				t.Errorf("got %v, want %v", err, tt.err)
			}
		})
	}
}

func TestRedirectAllowed(t *testing.T) {
	p := TPP{DNSNames: []string{"Lipa.example.com", "*.apps.example.org", "localhost"}}
	for _, tt := range []struct {
		name, uri string
		want      bool
	}{
		{"the very name", "https://lipa.example.com/back?x=1", true},
		{"on another port", "https://lipa.example.com:8443/back", true},
		{"in capitals", "https://LIPA.EXAMPLE.COM/back", true},
		{"with the dot of the root", "https://lipa.example.com./back", true},
		{"a sub-domain", "https://app.lipa.example.com/back", true},
		{"what a wildcard covers", "https://one.apps.example.org/", true},
		{"the name under the wildcard", "https://apps.example.org/", false},
		{"the machine itself", "http://localhost:9000/cb", true},
		{"below a name without a dot", "https://evil.localhost/", false},
		{"another domain", "https://example.net/", false},
		{"the parent domain", "https://example.com/", false},
		{"a domain that only ends alike", "https://evillipa.example.com/", false},
		{"a domain that only begins alike", "https://lipa.example.com.evil.net/", false},
		{"the name as user information", "https://lipa.example.com@evil.net/", false},
		{"user information before the name", "https://me@lipa.example.com/", false},
		{"the name in a path", "https://evil.net/lipa.example.com", false},
		{"a backslash", `https://evil.net\.lipa.example.com/`, false},
		{"letters that look alike", "https://lipа.example.com/", false},
		{"no scheme", "//lipa.example.com/", false},
		{"no host", "https:///back", false},
		{"an opaque URI", "mailto:me@lipa.example.com", false},
		{"nothing", "", false},
		{"a control character", "https://lipa.example.com/\x00", false},
		{"an address", "https://127.0.0.1/", false},
		{"a leading dot", "https://.lipa.example.com/", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := p.RedirectAllowed(tt.uri); got != tt.want {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
	if (TPP{DNSNames: []string{"", "*", "*."}}).RedirectAllowed("https://evil.net/") {
		t.Error("an empty name allows everything")
	}
}

func TestMemoryIsBoundedAndKeepsWhatIsUsed(t *testing.T) {
	var m memory
	at := time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
	v := &verdict{since: at, until: at.Add(time.Minute)}
	key := func(i int) Thumbprint { return Thumbprint{byte(i), byte(i >> 8), byte(i >> 16)} }
	m.put(key(0), v)
	for i := 1; i < 10*generationMax; i++ {
		m.put(key(i), v)
		if _, ok := m.get(key(0), at); !ok {
			t.Fatalf("what is in use was forgotten after %d others", i)
		}
	}
	if n := len(m.younger) + len(m.elder); n > 2*generationMax {
		t.Errorf("%d verdicts are kept", n)
	}
	if _, ok := m.get(key(1), at); ok {
		t.Error("what nobody uses is still there")
	}
	if _, ok := m.get(key(0), at.Add(time.Minute)); ok {
		t.Error("found after its end")
	}
	if _, ok := m.get(key(0), at.Add(-time.Second)); ok {
		t.Error("found before its beginning")
	}
}
