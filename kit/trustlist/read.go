package trustlist

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"slices"
	"strings"
)

// The wire form of a list, as far as it is read. Elements are matched by their local
// names: the bytes have been signed by the operator of the list, so there is nobody
// left from whom a namespace would have to protect.
type (
	wireList struct {
		Scheme    wireScheme     `xml:"SchemeInformation"`
		Providers []wireProvider `xml:"TrustServiceProviderList>TrustServiceProvider"`
	}
	wireScheme struct {
		Version    int           `xml:"TSLVersionIdentifier"`
		Sequence   int64         `xml:"TSLSequenceNumber"`
		Type       string        `xml:"TSLType"`
		Operator   []wireText    `xml:"SchemeOperatorName>Name"`
		Territory  string        `xml:"SchemeTerritory"`
		Issued     string        `xml:"ListIssueDateTime"`
		NextUpdate string        `xml:"NextUpdate>dateTime"`
		Pointers   []wirePointer `xml:"PointersToOtherTSL>OtherTSLPointer"`
	}
	wireText struct {
		Language string `xml:"lang,attr"`
		Text     string `xml:",chardata"`
	}
	wirePointer struct {
		Certs    []string `xml:"ServiceDigitalIdentities>ServiceDigitalIdentity>DigitalId>X509Certificate"`
		Location string   `xml:"TSLLocation"`
		More     []struct {
			Type      string `xml:"TSLType"`
			Territory string `xml:"SchemeTerritory"`
			MIMEType  string `xml:"MimeType"`
		} `xml:"AdditionalInformation>OtherInformation"`
	}
	wireProvider struct {
		Names    []wireText    `xml:"TSPInformation>TSPName>Name"`
		Services []wireService `xml:"TSPServices>TSPService"`
	}
	wireService struct {
		Now     wirePeriod   `xml:"ServiceInformation"`
		History []wirePeriod `xml:"ServiceHistory>ServiceHistoryInstance"`
	}
	wirePeriod struct {
		Type       string          `xml:"ServiceTypeIdentifier"`
		Names      []wireText      `xml:"ServiceName>Name"`
		Certs      []string        `xml:"ServiceDigitalIdentity>DigitalId>X509Certificate"`
		Status     string          `xml:"ServiceStatus"`
		From       string          `xml:"StatusStartingTime"`
		Extensions []wireExtension `xml:"ServiceInformationExtensions>Extension"`
	}
	wireExtension struct {
		Critical bool     `xml:"Critical,attr"`
		Uses     []string `xml:"AdditionalServiceInformation>URI"`
		Elements []struct {
			Qualifiers []struct {
				URI string `xml:"uri,attr"`
			} `xml:"Qualifiers>Qualifier"`
			Criteria wireCriteria `xml:"CriteriaList"`
		} `xml:"Qualifications>QualificationElement"`
		Names []struct{ XMLName xml.Name } `xml:",any"`
	}
)

func readSigned(signed []byte) (*List, error) {
	var w wireList
	decoder := xml.NewDecoder(bytes.NewReader(signed))
	if err := decoder.Decode(&w); err != nil {
		return nil, fmt.Errorf("%w: %v", ErrForm, err)
	}
	s := w.Scheme
	l := &List{
		Type: clean(s.Type), Territory: clean(s.Territory), Operator: english(s.Operator), Sequence: s.Sequence,
	}
	if s.Version != 5 && s.Version != 6 {
		return nil, fmt.Errorf("%w: version %d", ErrForm, s.Version)
	}
	if l.Type != TypeNational && l.Type != TypeLists {
		return nil, fmt.Errorf("%w: type %q", ErrForm, l.Type)
	}
	var err error
	if l.Issued, err = instant(clean(s.Issued)); err != nil {
		return nil, err
	}
	if next := clean(s.NextUpdate); next != "" {
		if l.NextUpdate, err = instant(next); err != nil {
			return nil, err
		}
	}
	for _, p := range s.Pointers {
		l.Pointers = append(l.Pointers, l.pointer(p))
	}
	for _, p := range w.Providers {
		provider := english(p.Names)
		for _, s := range p.Services {
			service, err := l.service(s)
			if err != nil {
				return nil, err
			}
			service.Territory, service.Provider = l.Territory, provider
			l.Services = append(l.Services, service)
		}
	}
	return l, nil
}

func (l *List) pointer(w wirePointer) Pointer {
	p := Pointer{Location: clean(w.Location)}
	for _, m := range w.More {
		if m.Type != "" {
			p.Type = clean(m.Type)
		}
		if m.Territory != "" {
			p.Territory = clean(m.Territory)
		}
		if m.MIMEType != "" {
			p.MIMEType = clean(m.MIMEType)
		}
	}
	for _, s := range w.Certs {
		if cert, err := certificate(s); err == nil {
			p.Signers = append(p.Signers, PinOf(cert))
		} else {
			l.Unreadable++
		}
	}
	return p
}

func (l *List) service(w wireService) (*Service, error) {
	s := &Service{Name: english(w.Now.Names)}
	for _, encoded := range w.Now.Certs {
		if cert, err := certificate(encoded); err == nil {
			s.Certs = append(s.Certs, cert)
		} else {
			l.Unreadable++
		}
	}
	for _, p := range append([]wirePeriod{w.Now}, w.History...) {
		period, err := readPeriod(p)
		if err != nil {
			return nil, err
		}
		s.Periods = append(s.Periods, period)
	}
	// The present stands first even if its date is that of the last change before it.
	slices.SortStableFunc(s.Periods, func(a, b Period) int { return b.From.Compare(a.From) })
	return s, nil
}

func readPeriod(w wirePeriod) (Period, error) {
	p := Period{Type: clean(w.Type), Status: clean(w.Status)}
	var err error
	if p.From, err = instant(clean(w.From)); err != nil {
		return p, err
	}
	for _, e := range w.Extensions {
		for _, use := range e.Uses {
			p.Uses = append(p.Uses, clean(use))
		}
		for _, element := range e.Elements {
			q := Qualification{criteria: element.Criteria}
			for _, qualifier := range element.Qualifiers {
				q.Qualifiers = append(q.Qualifiers, clean(qualifier.URI))
			}
			p.Qualifications = append(p.Qualifications, q)
		}
		for _, other := range e.Names {
			if e.Critical && !slices.Contains([]string{"ExpiredCertsRevocationInfo", "TakenOverBy", "AdditionalServiceInformation", "Qualifications"}, other.XMLName.Local) {
				p.Unknown = other.XMLName.Local
			}
		}
	}
	return p, nil
}

func clean(s string) string { return strings.TrimSpace(s) }

// english returns the English text, or else the first.
func english(texts []wireText) string {
	for _, t := range texts {
		if strings.EqualFold(t.Language, "en") {
			return clean(t.Text)
		}
	}
	if len(texts) > 0 {
		return clean(texts[0].Text)
	}
	return ""
}
