package corebank

import (
	"encoding/base64"
	"html/template"
)

// A methodChoice is a way to approve, as a page offers it.
type methodChoice struct {
	ID, Called string
	Name       string // of this one
	Checked    bool
}

// An askedView is what the customer is asked just now, by one of her methods.
type askedView struct {
	Called, Name string
	Information  string // key of the text
	Phone        string // masked
	Image        template.URL
	Data         string
	Length       int
	Resend       bool // asking once more sends something
}

// showMeans fills in what the customer can approve with, and what she is asked. It is offered
// only where there is a choice.
func (s *scaVisit) showMeans(p *page) {
	wanted := s.r.PostFormValue("method")
	for i, m := range s.means {
		if s.j.State == stateCode && m.ID == s.asked.ID {
			continue
		}
		p.Methods = append(p.Methods, methodChoice{ID: m.ID, Called: m.Called(), Name: s.nameOf(m), Checked: i == 0 && wanted == "" || m.ID == wanted})
	}
	if s.j.State != stateCode {
		if len(p.Methods) < 2 {
			p.Methods = nil
		}
		return
	}
	c := s.challenge
	p.Passkey = c.Passkey
	p.Asked = &askedView{Called: s.asked.Called(), Name: s.nameOf(s.asked), Information: c.Information, Data: spaced(c.Data), Length: c.OTPLength, Resend: c.Passkey == ""}
	if c.sent {
		p.Asked.Phone = masked(s.v.who.Phone)
	}
	if c.Information == "" { // nothing can be answered any more
		p.Asked.Information = "code.over"
	}
	if len(c.Image) > 0 {
		p.Asked.Image = template.URL("data:image/png;base64," + base64.StdEncoding.EncodeToString(c.Image))
	}
}

// nameOf is by what a customer knows one of several of a kind.
func (s *scaVisit) nameOf(m means) string {
	if m.Kind == kindSMS {
		return masked(s.v.who.Phone)
	}
	return m.Name
}
