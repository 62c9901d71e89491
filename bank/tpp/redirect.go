package tpp

import (
	"net/url"
	"strings"
)

// RedirectAllowed says whether uri leads to a domain of the TPP's certificate: one of
// its names, a sub-domain of one, or what a wildcard covers (implementation guidelines
// 4.10, for the redirect and the notification URIs). Only the domain is compared;
// which schemes and paths are allowed, and whether a mismatch warns or refuses, the
// bank's profile says.
func (t TPP) RedirectAllowed(uri string) bool {
	u, err := url.Parse(uri)
	// User information serves only to make a foreign host look like a known one.
	if err != nil || u.Scheme == "" || u.User != nil {
		return false
	}
	host := domain(u.Hostname())
	if host == "" {
		return false
	}
	for _, name := range t.DNSNames {
		name = domain(name)
		wildcard := strings.HasPrefix(name, "*.")
		name = strings.TrimPrefix(name, "*.")
		switch {
		case name == "":
		case !wildcard && host == name:
			return true
		// A name without a dot is a whole top-level domain, or localhost: neither
		// speaks for what lies below it.
		case strings.Contains(name, ".") && strings.HasSuffix(host, "."+name):
			return true
		}
	}
	return false
}

// domain brings a host into the one form in which it is compared. A name that is not
// ASCII is no domain here: certificates carry A-labels.
func domain(host string) string {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	if strings.ContainsFunc(host, func(r rune) bool { return r > 0x7e }) || strings.HasPrefix(host, ".") {
		return ""
	}
	return host
}
