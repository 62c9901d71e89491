package pain

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"kontor/bank/core"
	"kontor/kit/money"
)

// Parse reads a document. It returns ErrFormat, ErrVersion or ErrTooMany, as an *Error that
// says where. Nothing of an Order refers to document.
func Parse(document []byte, l Limits) (Order, error) {
	r := reader{limits: l, zone: l.Zone}
	if r.zone == nil {
		r.zone = time.UTC
	}
	if err := r.document(document); err != nil {
		return Order{}, err
	}
	return r.order, nil
}

// A reader goes through one document, by the grammar of its version.
type reader struct {
	scanner
	limits Limits
	zone   *time.Location
	order  Order
	path   []step
	root   string // namespace of the document

	payment        *core.Payment // the last of order.Bulk.Payments
	informations   int           // how many PmtInf there were
	kind           kind          // of what is being read
	common         kind          // what PmtInf says for all payments
	ultimateDebtor string        // likewise
	chargeBearer   string        // likewise
	lines          []string      // of the creditor's address
	member         string        // number of the creditor's bank in its country

	group, information tally // what the document says of itself
	total              int64 // sum of all amounts, in thousandths of whatever currency
}

// A step is one element on the way to where the reader is.
type step struct {
	name   string
	number int // which of several, from 1; 0: there can only be one
}

// A kind is what PmtTpInf says.
type kind struct{ service, instrument, category string }

// A tally is what NbOfTxs and CtrlSum say.
type tally struct {
	counted bool
	count   int64
	summed  bool
	sum     int64
	exact   bool
}

const spaceXSI = "http://www.w3.org/2001/XMLSchema-instance"

// The grammars do not change once they are made.
var documents = map[string]element{
	Version03: grammar{Version03}.document(),
	Version09: grammar{Version09}.document(),
}

func (r *reader) document(document []byte) error {
	if err := r.scanner.begin(document); err != nil {
		return r.malformed(err)
	}
	if _, err := r.next(); err != nil {
		return r.malformed(err)
	}
	version, iso := strings.CutPrefix(r.space, namespace)
	root, known := documents[version]
	switch {
	case string(r.name) != "Document":
		return r.fail(ErrFormat, "/"+r.element(), "is not <Document>, with which a payment document begins")
	case iso && known && r.limits.offers(version):
	case strings.Contains(r.space, "pain.001.") && len(r.space) < 100:
		return r.fail(ErrVersion, "/Document", fmt.Sprintf("is of the namespace %q", r.space))
	default:
		return r.fail(ErrFormat, "/Document", fmt.Sprintf("is not of the namespace of a payment document, %s%s or another version", namespace, Version03))
	}
	r.root, r.order.Version = r.space, version
	r.path = append(r.path, step{name: root.name})
	if err := r.read(&root); err != nil {
		return err
	}
	r.path = r.path[:0]
	if _, err := r.next(); err != nil {
		return r.malformed(err)
	}
	return nil
}

// read goes through the element whose start tag was just read, to its end.
func (r *reader) read(e *element) error {
	if e.refused != "" {
		return r.refuse("%s", e.refused)
	}
	currency, err := r.attributesOf(e)
	if err != nil {
		return err
	}
	if e.children == nil {
		return r.readLeaf(e, currency)
	}
	if e.begin != nil {
		if err := e.begin(r); err != nil {
			return err
		}
	}
	place, count := 0, 0 // the child that was read last, and how many of it there were
	for {
		t, err := r.next()
		if err != nil {
			return r.malformed(err)
		}
		switch t {
		case text:
			if len(trim(r.text)) > 0 {
				return r.refuse("has a text beside its elements")
			}
		case end:
			if err := r.missing(e, place, count, len(e.children)); err != nil {
				return err
			}
			if e.end != nil {
				return e.end(r)
			}
			return nil
		default:
			next, err := r.find(e, place, count)
			if err != nil {
				return err
			}
			if next != place {
				place, count = next, 0
			}
			count++
			child := &e.children[place]
			s := step{name: child.name}
			if child.most > 1 && (count > 1 || child.name != "PmtInf") { // of which there is only one in the end
				s.number = count
			}
			r.path = append(r.path, s)
			if err := r.read(child); err != nil {
				return err
			}
			r.path = r.path[:len(r.path)-1]
		}
	}
}

// find returns the place of the child that has just begun, behind place.
func (r *reader) find(e *element, place, count int) (int, error) {
	if r.space != r.root {
		return 0, r.refuseAt(r.element(), "is of another namespace than the document")
	}
	for i := place; i < len(e.children); i++ {
		child := &e.children[i]
		if string(r.name) != child.name {
			continue
		}
		switch {
		case i == place && count > 0 && count >= max(child.most, 1):
			return 0, r.refuseAt(child.name, "stands more often than it may")
		case e.choice && i != place && count > 0:
			return 0, r.refuseAt(child.name, "stands beside another element, where only one of them can")
		case e.choice:
			return i, nil
		}
		return i, r.missing(e, place, count, i)
	}
	for i := range place {
		if string(r.name) == e.children[i].name {
			if e.choice {
				return 0, r.refuseAt(e.children[i].name, "stands beside another element, where only one of them can")
			}
			return 0, r.refuseAt(e.children[i].name, "stands more often than it may, or too late")
		}
	}
	return 0, r.refuseAt(r.element(), "is no element that %s has here", r.order.Version)
}

// missing refuses when a child that must be there is not, from place up to before next.
func (r *reader) missing(e *element, place, count, next int) error {
	if e.choice {
		if count == 0 {
			return r.refuse("is empty")
		}
		return nil
	}
	if count > 0 {
		place++
	}
	for i := place; i < next; i++ {
		if e.children[i].needed {
			return r.refuseAt(e.children[i].name, "is missing")
		}
	}
	return nil
}

func (r *reader) readLeaf(e *element, currency string) error {
	t, err := r.next()
	var content []byte
	if err == nil && t == text {
		content = r.text
		t, err = r.next()
	}
	switch {
	case err != nil:
		return r.malformed(err)
	case t != end:
		return r.refuseAt(r.element(), "stands where a text should")
	}
	problem := ""
	if e.amount {
		problem = r.takeAmount(content, currency)
	}
	if e.holds != nil {
		problem = e.holds(content)
	}
	if problem == "" && e.take != nil {
		problem = e.take(r, content)
	}
	if problem != "" {
		return r.refuse("%s", problem)
	}
	return nil
}

// attributesOf refuses every attribute that means something, but the currency of an amount.
func (r *reader) attributesOf(e *element) (currency string, err error) {
	for _, a := range r.attributes {
		switch {
		case a.space == spaceXMLNS:
		case a.space == spaceXSI && (string(a.name) == "schemaLocation" || string(a.name) == "noNamespaceSchemaLocation"):
			// A hint where to find a schema. Nobody looks there.
		case e.amount && a.space == "" && string(a.name) == "Ccy":
			currency = r.currency(a.value)
			if currency == "" {
				return "", r.refuseAt("@Ccy", "is not a currency that is known")
			}
		default:
			return "", r.refuseAt(fmt.Sprintf("@%.40s", a.name), "is no attribute that can stand here")
		}
	}
	if e.amount && currency == "" {
		return "", r.refuseAt("@Ccy", "is missing")
	}
	return currency, nil
}

// currency returns a known currency, as the same string for each payment; "" for another.
func (r *reader) currency(code []byte) string {
	if n := len(r.order.Bulk.Payments); n > 1 {
		if c := r.order.Bulk.Payments[n-2].Amount.Currency; c == string(code) {
			return c
		}
	}
	if c := string(code); currency(code) == "" {
		if _, ok := money.Decimals(c); ok {
			return c
		}
	}
	return ""
}

// element is the name of what has just begun, for the path. It is a name of XML, so it has
// no blanks or markup.
func (r *reader) element() string {
	if utf8.RuneCount(r.name) > 40 {
		return "*"
	}
	return string(r.name)
}

// refuse is ErrFormat where the reader is.
func (r *reader) refuse(format string, args ...any) error {
	return r.fail(ErrFormat, r.where(), fmt.Sprintf(format, args...))
}

// refuseAt is ErrFormat at something below.
func (r *reader) refuseAt(below, format string, args ...any) error {
	return r.fail(ErrFormat, r.where()+"/"+below, fmt.Sprintf(format, args...))
}

func (r *reader) malformed(err error) error {
	if m, ok := errors.AsType[malformation](err); ok {
		return r.refuse("%s (line %d)", string(m), r.line())
	}
	return err
}

func (r *reader) fail(is error, path, problem string) error {
	return &Error{path, problem, is}
}

// where is the path of the element that is being read.
func (r *reader) where() string {
	var b []byte
	for _, s := range r.path {
		b = append(append(b, '/'), s.name...)
		if s.number > 0 {
			b = append(strconv.AppendInt(append(b, '['), int64(s.number), 10), ']')
		}
	}
	return string(b)
}
