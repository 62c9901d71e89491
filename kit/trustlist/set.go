package trustlist

import (
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A File is a list as it was fetched. Its Name is that of its address, such as
// eu-lotl-pivot-341.xml: by that, pivots are found.
type File struct {
	Name string
	Data []byte
}

// A Set is the list of the lists and the national lists that it vouches for.
type Set struct {
	Lists    *List   // the list of the lists
	National []*List // one per territory at most, by territory
	Problems []Problem

	services map[[sha256.Size]byte][]*Service // of qualified certificates, by certificate
	pool     *x509.CertPool
}

// A Problem is why a file is not among the lists of a Set. The rest is good without it.
type Problem struct {
	File string
	Err  error
}

// Open verifies files: exactly one of them is the list of the lists, signed by one of
// pins or by whom pivots among files lead to from there; the others are national lists,
// signed by whom the list of the lists names. A national list that is not good is a
// Problem, and its country's providers are simply not trusted; without a good list of the
// lists there is no Set.
func Open(files []File, pins []Pin) (*Set, error) {
	var lists []*document
	names := map[*document]string{}
	national := map[string][]*document{}
	s := &Set{services: map[[sha256.Size]byte][]*Service{}, pool: x509.NewCertPool()}
	for _, f := range files {
		d, err := parse(f.Data)
		if err != nil {
			s.Problems = append(s.Problems, Problem{f.Name, err})
			continue
		}
		names[d] = f.Name
		if d.kind() == TypeLists {
			lists = append(lists, d)
		} else {
			territory := text(d.peek("SchemeInformation", "SchemeTerritory"))
			national[territory] = append(national[territory], d)
		}
	}
	var err error
	if s.Lists, err = follow(lists, names, pins); err != nil {
		return nil, err
	}
	for territory, editions := range national {
		var best *List
		for _, d := range editions {
			l, err := d.read(s.Lists.signersOf(territory))
			if err == nil && (l.Territory != territory || l.Type != TypeNational) {
				err = fmt.Errorf("%w: it is not the list of %s", ErrForm, territory)
			}
			if err != nil {
				s.Problems = append(s.Problems, Problem{names[d], err})
			} else if best == nil || l.Sequence > best.Sequence {
				best = l
			}
		}
		if best != nil {
			s.National = append(s.National, best)
			s.add(best)
		}
	}
	slices.SortFunc(s.National, func(a, b *List) int { return strings.Compare(a.Territory, b.Territory) })
	slices.SortFunc(s.Problems, func(a, b Problem) int { return strings.Compare(a.File, b.File) })
	return s, nil
}

// add takes in the services that issue, or have issued, qualified certificates.
func (s *Set) add(l *List) {
	for _, service := range l.Services {
		if !slices.ContainsFunc(service.Periods, func(p Period) bool { return p.Type == IssuesQualified }) {
			continue
		}
		for _, cert := range service.Certs {
			s.services[PinOf(cert)] = append(s.services[PinOf(cert)], service)
			s.pool.AddCert(cert)
		}
	}
}

// Anchors returns the certificates of all services that issue, or have issued, qualified
// certificates. That a path leads to one of them says nothing yet: ask ServicesOf.
func (s *Set) Anchors() *x509.CertPool { return s.pool }

// ServicesOf returns the services that issue by cert.
func (s *Set) ServicesOf(cert *x509.Certificate) []*Service { return s.services[PinOf(cert)] }

// Of returns the list of a territory, or nil.
func (s *Set) Of(territory string) *List {
	for _, l := range s.National {
		if l.Territory == territory {
			return l
		}
	}
	return nil
}

// Stale returns the lists that another edition should long have replaced at now.
func (s *Set) Stale(now time.Time) []*List {
	var stale []*List
	for _, l := range append([]*List{s.Lists}, s.National...) {
		if l.Stale(now) {
			stale = append(stale, l)
		}
	}
	return stale
}

// signersOf returns who may sign the list of a territory. Pointers to the version for
// people, a PDF file, name others.
func (l *List) signersOf(territory string) []Pin {
	var pins []Pin
	for _, p := range l.Pointers {
		human := p.MIMEType != "" && !strings.Contains(p.MIMEType, "xml")
		if p.Territory == territory && !human {
			pins = append(pins, p.Signers...)
		}
	}
	return pins
}

func (d *document) kind() string { return text(d.peek("SchemeInformation", "TSLType")) }

func (d *document) sequence() int64 {
	n, err := strconv.ParseInt(text(d.peek("SchemeInformation", "TSLSequenceNumber")), 10, 64)
	if err != nil {
		return -1
	}
	return n
}

// follow goes from the Official Journal to the newest list of the lists.
//
// When the Commission changes who signs, it publishes a pivot: an edition that is signed
// by the old and names the new. The newest edition names all pivots since the Official
// Journal last spoke, the newest first. They are walked from the oldest: each has to be
// signed by whom the one before has named, and from then on nobody else may sign. The
// walk begins at the first that a pin fits: pins may be newer than the oldest pivot. A
// pivot that is not there is missed only where the walk does not get on without it.
func follow(lists []*document, names map[*document]string, pins []Pin) (*List, error) {
	if len(lists) == 0 {
		return nil, fmt.Errorf("%w: there is no list of the lists (eu-lotl.xml)", ErrForm)
	}
	newest := slices.MaxFunc(lists, func(a, b *document) int { return int(min(max(a.sequence()-b.sequence(), -1), 1)) })
	// Which pivots there are is read before the list is verified; what it says is proved
	// by the walk, which ends at this very list.
	var route []*document
	var missing string
	for _, e := range newest.peek("SchemeInformation", "SchemeInformationURI").ChildElements() {
		location := text(e)
		if !strings.HasSuffix(strings.ToLower(location), ".xml") {
			continue
		}
		i := slices.IndexFunc(lists, func(d *document) bool { return names[d] == path.Base(location) })
		if i < 0 {
			missing = location
			continue
		}
		if lists[i] != newest && !slices.Contains(route, lists[i]) {
			route = append(route, lists[i])
		}
	}
	slices.Reverse(route)
	var last *List
	for _, d := range append(route, newest) {
		l, err := d.read(pins)
		switch {
		case errors.Is(err, ErrSigner) && last == nil && d != newest:
			continue
		case errors.Is(err, ErrSigner) && missing != "":
			return nil, fmt.Errorf("%w: %s; without it, %s: %w", ErrPivot, missing, names[d], err)
		case err != nil:
			return nil, fmt.Errorf("%s: %w", names[d], err)
		case l.Type != TypeLists || last != nil && l.Sequence <= last.Sequence:
			return nil, fmt.Errorf("%s: %w: it does not follow the pivot before it", names[d], ErrForm)
		}
		last = l
		if pins = l.signersOf(l.Territory); len(pins) == 0 && d != newest {
			return nil, fmt.Errorf("%s: %w: it names nobody who may sign the next", names[d], ErrForm)
		}
	}
	return last, nil
}
