package app_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"kontor/app/apptest"
)

// evil spells an address of an attacker's in the ways in which filters have been fooled.
func evil() (all []string) {
	for _, scheme := range []string{"https:", "http:", "HTTPS:", "", "javascript:", "data:text/html,", "ftp:", "file:", "blob:", "view-source:", "vbscript:"} {
		for _, slashes := range []string{"//", "/", "///", `\\`, `/\`, "/%2f", "%2f%2f", "/\t/", "", "/.//"} {
			for _, host := range []string{
				"evil.example", "alpa.example@evil.example", "evil.example#alpa.example", "evil.example?alpa.example", "evil.example/alpa.example", "alpa.example.evil.example",
				"evil.example%00.alpa.example", "evil.example\\.alpa.example", "alpa.example%40evil.example", "alpa.example:x@evil.example", "evil。example", "[::1]", "2130706433",
			} {
				all = append(all, scheme+slashes+host)
			}
		}
	}
	return all
}

// elsewhere says where an answer leads that is neither ours nor the bank's nor the TPP's own.
func elsewhere(s *apptest.Sandbox, at string, a apptest.Answer, own ...string) string {
	base, err := url.Parse(at)
	if err != nil {
		return at
	}
	targets := []string{a.Header.Get("Location"), a.Header.Get("Refresh"), a.Header.Get("Content-Location")}
	for _, m := range linkTag.FindAllStringSubmatch(a.Body, -1) {
		targets = append(targets, m[1])
	}
	if _, refresh, found := strings.Cut(a.Body, `content="0; url=`); found {
		target, _, _ := strings.Cut(refresh, `"`)
		targets = append(targets, target)
	}
	for _, target := range targets {
		if target == "" || strings.HasPrefix(target, "#") {
			continue
		}
		to, err := base.Parse(target)
		if err != nil {
			return target
		}
		ok := false
		for _, ours := range append(own, s.API, s.Web, s.WebTLS, s.Ready.Bank) {
			ok = ok || strings.HasPrefix(to.String(), ours+"/") || to.String() == ours || strings.HasPrefix(to.String(), ours+"?")
		}
		if !ok {
			return to.String()
		}
	}
	return ""
}

// TestOpenRedirects tries to have a browser sent to an attacker: by what stands in the address of
// the return page, by its headers, and by the addresses that a third party asks to be used.
func TestOpenRedirects(t *testing.T) {
	t.Parallel()
	s := world(t, nil)
	isar, lon, ana, tpp := s.Bank("standard"), s.Bank("bankart"), s.Personas[0], s.TPPs[0]
	cert := s.Certificate(tpp)
	alpa, nobody := s.Client(cert), s.Client(nil)
	var tried atomic.Int64

	// A customer who has refused at the bank comes back by this address; it is a good one.
	pay := s.Login(tpp, ana, "psd2:pay")
	order := func(header h) apptest.Answer {
		header["Authorization"] = "Bearer " + pay
		return s.Ask(alpa, http.MethodPost, lon.XS2A+"/v1/payments/sepa-credit-transfers", header, apptest.Payment("BACK", ana.Accounts[0].IBAN, s.Personas[3].Accounts[0].IBAN, "33.00"))
	}
	made := order(h{"TPP-Redirect-URI": apptest.Redirect})
	b := surf(t, s).open(made.Get("_links", "scaRedirect", "href"), nil).press("refuse")
	back := returnOf(t, b)
	if page := s.Ask(nobody, http.MethodGet, back, nil, ""); elsewhere(s, back, page, apptest.Redirect) != "" || !strings.Contains(page.Body, apptest.Redirect) {
		t.Fatalf("the good address: %s", page)
	}
	spellings := evil()
	many(len(spellings), func(i int) {
		to := spellings[i]
		q := url.QueryEscape(to)
		var address string
		header := h{"Accept": "text/html"}
		switch i % 6 {
		case 0:
			address = back + "?redirect_uri=" + q + "&url=" + q + "&next=" + q + "&returnTo=" + q + "&back=" + q
		case 1:
			address = back + "/" + url.PathEscape(to)
		case 2:
			address = s.WebTLS + "/return/" + url.PathEscape(to) + "/" + url.PathEscape(to)
		case 3:
			address = back
			header["X-Forwarded-Host"], header["X-Original-URL"], header["Referer"], header["X-Rewrite-URL"] = "evil.example", "//evil.example", "https://evil.example/", "https://evil.example/"
			if !strings.ContainsAny(to, "\t\\") {
				header["X-Forwarded-Prefix"] = to
			}
		case 4:
			address = s.WebTLS + "/return/lon/" + url.PathEscape(to) + "?lang=de"
		case 5:
			address = isar.OAuth + "/authorize/continue/" + url.PathEscape(to) + "?back=" + q
		}
		tried.Add(1)
		a, err := apptest.Try(nobody, http.MethodGet, address, header, "")
		if err != nil {
			return // no client sends it
		}
		if to := elsewhere(s, address, a, apptest.Redirect); to != "" || a.Status >= 500 {
			t.Errorf("%s leads to %s: %s", address, to, a)
		}
	})
	// What a TPP asks to be used: the interface takes what belongs to the TPP's certificate, or the
	// bank only ignores whose it is; the page never leads where a browser would run something.
	many(len(spellings)/2, func(i int) {
		tried.Add(1)
		to := spellings[2*i]
		if strings.ContainsAny(to, "\t") {
			to = strings.ReplaceAll(to, "\t", "%09")
		}
		header := h{"TPP-Redirect-URI": apptest.Redirect, "TPP-Nok-Redirect-URI": to}
		if i%2 == 0 {
			header = h{"TPP-Redirect-URI": to}
		}
		a := s.Ask(alpa, http.MethodPost, isar.XS2A+"/v1/consents", header, apptest.ConsentBody(30))
		if a.Status != http.StatusBadRequest {
			t.Errorf("%v: %s", header, a)
		}
	})
	t.Run("authorisation requests", func(t *testing.T) {
		consent := s.Ask(alpa, http.MethodPost, isar.XS2A+"/v1/consents", h{"TPP-Redirect-URI": apptest.Redirect}, apptest.ConsentBody(30)).Get("consentId")
		many(len(spellings)/2, func(i int) {
			tried.Add(1)
			address := fmt.Sprintf("%s/authorize?response_type=code&client_id=%s&scope=AIS:%s&state=s&code_challenge=%s&code_challenge_method=S256&redirect_uri=%s",
				isar.OAuth, tpp.OrganizationIdentifier, consent, strings.Repeat("a", 43), url.QueryEscape(spellings[2*i+1]))
			if a := s.Ask(nobody, http.MethodGet, address, nil, ""); a.Status != http.StatusBadRequest || elsewhere(s, address, a) != "" {
				t.Errorf("%s: %s", spellings[2*i+1], a)
			}
		})
	})
	t.Logf("%d addresses", tried.Load())
	if tried.Load() < 2000 {
		t.Errorf("only %d addresses", tried.Load())
	}
}
