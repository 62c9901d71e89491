package trustlist

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"strings"

	"github.com/beevik/etree"
)

// Limits. The biggest genuine list has some 2 MB, 60,000 tags, 20 levels and a dozen
// attributes on its root; what is beyond these was not made by an operator of a list.
const (
	bytesMax      = 8 << 20
	tagsMax       = 400_000
	levelsMax     = 64
	attributesMax = 32
	namespacesMax = 64 // in scope at once: each costs time at each element
)

const (
	nsList   = "http://uri.etsi.org/02231/v2#"
	nsDSig   = "http://www.w3.org/2000/09/xmldsig#"
	nsXAdES  = "http://uri.etsi.org/01903/v1.3.2#"
	nsXAdES4 = "http://uri.etsi.org/01903/v1.4.1#"
)

// A document is the XML of a list of which nothing is believed yet.
type document struct {
	root      *etree.Element
	signature *etree.Element
	sum       [sha256.Size]byte
}

// parse reads XML of the kind that trusted lists are made of.
func parse(data []byte) (*document, error) {
	if len(data) > bytesMax {
		return nil, fmt.Errorf("%w: it has more than %d bytes", ErrForm, bytesMax)
	}
	if n := bytes.Count(data, []byte("<")); n > tagsMax {
		return nil, fmt.Errorf("%w: it has more than %d tags", ErrForm, tagsMax)
	}
	d := &document{sum: sha256.Sum256(data)}
	tree := etree.NewDocument()
	tree.ReadSettings = etree.ReadSettings{
		MaxDepth: levelsMax, PreserveDuplicateAttrs: true,
		CharsetReader: func(charset string, in io.Reader) (io.Reader, error) {
			if !strings.EqualFold(charset, "utf-8") {
				return nil, fmt.Errorf("charset %q", charset)
			}
			return in, nil
		},
	}
	if err := tree.ReadFromBytes(bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))); err != nil {
		return nil, fmt.Errorf("%w: %v", ErrForm, err)
	}
	for i, token := range tree.Child {
		switch t := token.(type) {
		case *etree.Element:
			if d.root != nil {
				return nil, fmt.Errorf("%w: it has more than one root", ErrForm)
			}
			d.root = t
		case *etree.ProcInst:
			if i != 0 || t.Target != "xml" {
				return nil, fmt.Errorf("%w: it has processing instructions", ErrForm)
			}
		case *etree.CharData:
			if strings.TrimSpace(t.Data) != "" {
				return nil, fmt.Errorf("%w: it has text outside its root", ErrForm)
			}
		case *etree.Comment:
		default:
			return nil, fmt.Errorf("%w: it has a document type", ErrForm)
		}
	}
	if d.root == nil || !is(d.root, nsList, "TrustServiceStatusList") {
		return nil, fmt.Errorf("%w: its root is no TrustServiceStatusList", ErrForm)
	}
	// The list is read without its prefixes later, so the tree must not say anything
	// that a reader of the signed bytes cannot see.
	tree.RemoveChild(d.root)
	if err := d.walk(d.root, 0); err != nil {
		return nil, err
	}
	if d.signature == nil || d.signature.Parent() != d.root {
		return nil, fmt.Errorf("%w: it has no signature of its own", ErrForm)
	}
	return d, nil
}

// walk refuses what no list needs, and finds the signature.
func (d *document) walk(e *etree.Element, namespaces int) error {
	if len(e.Attr) > attributesMax {
		return fmt.Errorf("%w: an element has more than %d attributes", ErrForm, attributesMax)
	}
	for i, a := range e.Attr {
		if a.Space == "xmlns" || a.Space == "" && a.Key == "xmlns" {
			namespaces++
		}
		for _, b := range e.Attr[:i] {
			if a.Space == b.Space && a.Key == b.Key {
				return fmt.Errorf("%w: an element has an attribute twice", ErrForm)
			}
		}
	}
	if namespaces > namespacesMax {
		return fmt.Errorf("%w: more than %d namespaces are in scope", ErrForm, namespacesMax)
	}
	if is(e, nsDSig, "Signature") {
		if d.signature != nil {
			return fmt.Errorf("%w: it has more than one signature", ErrForm)
		}
		d.signature = e
	}
	for _, token := range e.Child {
		switch t := token.(type) {
		case *etree.Element:
			if err := d.walk(t, namespaces); err != nil {
				return err
			}
		case *etree.CharData, *etree.Comment:
		default:
			return fmt.Errorf("%w: it has a document type or processing instructions", ErrForm)
		}
	}
	return nil
}

func is(e *etree.Element, space, tag string) bool { return e.Tag == tag && e.NamespaceURI() == space }

// only returns the one child of e with that name. Two of them would let two readers
// choose differently.
func only(e *etree.Element, space, tag string) (*etree.Element, error) {
	var found *etree.Element
	if e != nil {
		for _, child := range e.ChildElements() {
			if !is(child, space, tag) {
				continue
			}
			if found != nil {
				return nil, fmt.Errorf("%w: its signature has more than one %s", ErrForm, tag)
			}
			found = child
		}
	}
	if found == nil {
		return nil, fmt.Errorf("%w: its signature has no %s", ErrForm, tag)
	}
	return found, nil
}

// text returns what e says, without space around it; comments do not split it.
func text(e *etree.Element) string {
	var b strings.Builder
	for _, token := range e.Child {
		if t, ok := token.(*etree.CharData); ok {
			b.WriteString(t.Data)
		}
	}
	return strings.TrimSpace(b.String())
}

// peek returns what an unverified list says of itself, to choose by what to verify it.
func (d *document) peek(path ...string) *etree.Element {
	e := d.root
	for _, tag := range path {
		var next *etree.Element
		for _, child := range e.ChildElements() {
			if child.Tag == tag {
				next = child
				break
			}
		}
		if next == nil {
			return etree.NewElement(tag)
		}
		e = next
	}
	return e
}
