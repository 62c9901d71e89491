package httpsig

import (
	"bytes"
	"cmp"
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"iter"
	"math/big"
	"net/http"
	"slices"
	"strings"
)

// How many texts are tried to find out what somebody has signed by mistake: each is a hash
// when the sum can be taken out of an RSA signature, else a verification.
const (
	guessesByHash         = 256
	guessesByVerification = 24
)

// explain looks for the mistake behind a signature that does not fit, among those that are
// made often. It says nothing when it finds none. The request and the certificate are all
// it looks at, so it tells nobody anything new.
func (s Signature) explain(r Request, l lines, key any, ways []way) string {
	text := l.text(usual)
	fits, budget := func(text []byte) bool {
		return slices.ContainsFunc(ways, func(w way) bool { return w.verify(key, text, s.Value) })
	}, guessesByVerification/len(ways)
	switch k := key.(type) {
	case *rsa.PublicKey:
		w, sum, why := recovered(k, s.Value)
		switch {
		case why != "":
			return why
		case w.hash != 0 && !slices.Contains(ways, w) && bytes.Equal(w.sum(text), sum):
			return "; it is made as " + w.name
		case w.hash != 0:
			fits, budget = func(text []byte) bool { return bytes.Equal(w.sum(text), sum) }, guessesByHash
		case !slices.ContainsFunc(ways, func(w way) bool { return w.pss }):
			for _, w := range []way{pssSHA256, pssSHA384, pssSHA512} {
				if w.verify(key, text, s.Value) {
					return "; it is made as " + w.name
				}
			}
			return "; another key has made it, or it was damaged"
		}
	case *ecdsa.PublicKey:
		for _, w := range []way{ecdsaSHA256, ecdsaSHA384, ecdsaSHA512} {
			if !slices.Contains(ways, w) && w.verify(key, text, s.Value) {
				return "; it is made as " + w.name
			}
		}
	}
	for text, mistake := range guesses(r, l, ways[0]) {
		if budget--; budget < 0 {
			break
		}
		if fits(text) {
			return "; it was made " + mistake
		}
	}
	return ""
}

// recovered takes out of a PKCS #1 v1.5 signature what was signed: the hash function and the
// sum. w.hash is zero when the signature is of another kind, or another key has made it.
func recovered(key *rsa.PublicKey, value []byte) (w way, sum []byte, why string) {
	c := new(big.Int).SetBytes(value)
	if len(value) != key.Size() || c.Cmp(key.N) >= 0 {
		return way{}, nil, "; its length is not that of the certificate's key"
	}
	m := c.Exp(c, big.NewInt(int64(key.E)), key.N).FillBytes(make([]byte, key.Size()))
	padding, rest, ok := bytes.Cut(m[2:], []byte{0})
	if m[0] != 0 || m[1] != 1 || !ok || len(padding) < 8 || len(bytes.Trim(padding, "\xff")) > 0 {
		return way{}, nil, ""
	}
	for _, known := range []struct {
		way
		prefix string
	}{
		{rsaSHA256, "\x30\x31\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00\x04\x20"},
		{rsaSHA384, "\x30\x41\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x02\x05\x00\x04\x30"},
		{rsaSHA512, "\x30\x51\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x03\x05\x00\x04\x40"},
	} {
		if sum, ok := bytes.CutPrefix(rest, []byte(known.prefix)); ok {
			return known.way, sum, ""
		}
	}
	if bytes.HasPrefix(rest, []byte("\x30\x21\x30\x09\x06\x05\x2b\x0e\x03\x02\x1a\x05\x00\x04\x14")) {
		return way{}, nil, "; it is made with SHA-1"
	}
	if slices.Contains([]int{crypto.SHA256.Size(), crypto.SHA384.Size(), crypto.SHA512.Size()}, len(rest)) {
		return way{}, nil, "; it is made over the bare hash, without saying which hash that is (DigestInfo)"
	}
	return way{}, nil, "; it is made over something that is no hash"
}

// guesses yields texts that are signed by mistake, each with its mistake.
func guesses(r Request, l lines, w way) iter.Seq2[[]byte, string] {
	return func(yield func([]byte, string) bool) {
		_ = guessStyle(l, w, yield) && guessSorted(l, yield) && guessLines(l, yield) && guessValues(r, l, yield) && guessOrder(l, yield)
	}
}

func guessStyle(l lines, w way, yield func([]byte, string) bool) bool {
	named := slices.Clone(l)
	for i := range named {
		named[i].name = http.CanonicalHeaderKey(named[i].name)
	}
	return yield(l.text(style{": ", "\n", "\n"}), "with a line feed at the end") &&
		yield(l.text(style{": ", "\r\n", ""}), "with CRLF between the lines") &&
		yield(l.text(style{":", "\n", ""}), "without the blank behind each colon") &&
		yield(named.text(usual), "with names of headers that are not in lower case") &&
		yield(w.sum(l.text(usual)), "over the hash of the text instead of the text")
}

func guessValues(r Request, l lines, yield func([]byte, string) bool) bool {
	path, query, _ := strings.Cut(r.Target, "?")
	for i, line := range l {
		var values, mistakes []string
		guess := func(value, mistake string) {
			if value != line.value {
				values, mistakes = append(values, value), append(mistakes, mistake)
			}
		}
		switch line.name {
		case "(request-target)":
			guess(r.Method+" "+r.Target, "with the method in upper case in (request-target)")
			if query != "" {
				guess(strings.ToLower(r.Method)+" "+path, "without the query in (request-target)")
			}
		case "digest":
			_, value, _ := strings.Cut(line.value, "=")
			guess(value, "over a digest without its algorithm")
			guess(Digest(r.Body), "over the SHA-256 of the body, which is not the digest that was sent")
		default:
			guess(strings.ToLower(line.value), "with the value of "+line.name+" in lower case")
			guess(strings.ToUpper(line.value), "with the value of "+line.name+" in upper case")
		}
		changed := slices.Clone(l)
		for j := range values {
			changed[i].value = values[j]
			if !yield(changed.text(usual), mistakes[j]) {
				return false
			}
		}
	}
	return true
}

// guessLines leaves out one line, if others stay.
func guessLines(l lines, yield func([]byte, string) bool) bool {
	for i := range l {
		if len(l) > 1 && !yield(slices.Delete(slices.Clone(l), i, i+1).text(usual), "without "+l[i].name) {
			return false
		}
	}
	return true
}

func guessSorted(l lines, yield func([]byte, string) bool) bool {
	sorted := slices.SortedFunc(slices.Values(l), func(a, b line) int { return cmp.Compare(a.name, b.name) })
	return yield(lines(sorted).text(usual), inOrder(sorted))
}

func guessOrder(l lines, yield func([]byte, string) bool) bool {
	const permutedMax = 5 // 120 orders
	return len(l) > permutedMax || permuted(slices.Clone(l), 0, func(p lines) bool { return yield(p.text(usual), inOrder(p)) })
}

func inOrder(l lines) string {
	names := make([]string, len(l))
	for i := range l {
		names[i] = l[i].name
	}
	return "in the order " + strings.Join(names, " ")
}

// permuted calls f with l and each order of what is in it from at on, until f says false.
func permuted(l lines, at int, f func(lines) bool) bool {
	if at >= len(l)-1 {
		return f(l)
	}
	for i := at; i < len(l); i++ {
		l[at], l[i] = l[i], l[at]
		ok := permuted(l, at+1, f)
		l[at], l[i] = l[i], l[at]
		if !ok {
			return false
		}
	}
	return true
}
