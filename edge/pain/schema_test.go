package pain_test

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"

	"kontor/edge/pain"
)

// A tree is an element of a document that is going to be changed.
type tree struct {
	name, attributes, text string
	children               []*tree
}

func grow(t *testing.T, document string) *tree {
	t.Helper()
	d := xml.NewDecoder(strings.NewReader(document))
	open := []*tree{{}}
	for {
		token, err := d.RawToken()
		if errors.Is(err, io.EOF) {
			return open[0].children[0]
		}
		if err != nil {
			t.Fatal(err)
		}
		last := open[len(open)-1]
		switch token := token.(type) {
		case xml.StartElement:
			n := &tree{name: token.Name.Local}
			for _, a := range token.Attr {
				n.attributes += fmt.Sprintf(" %s=%q", a.Name.Local, a.Value)
			}
			last.children = append(last.children, n)
			open = append(open, n)
		case xml.EndElement:
			open = open[:len(open)-1]
		case xml.CharData:
			last.text += strings.TrimSpace(string(token))
		}
	}
}

func (n *tree) write(b *strings.Builder) {
	fmt.Fprintf(b, "<%s%s>", n.name, n.attributes)
	xml.EscapeText(b, []byte(n.text))
	for _, c := range n.children {
		c.write(b)
	}
	fmt.Fprintf(b, "</%s>", n.name)
}

func (n *tree) copy() *tree {
	c := *n
	c.children = nil
	for _, child := range n.children {
		c.children = append(c.children, child.copy())
	}
	return &c
}

func (n *tree) all() []*tree {
	l := []*tree{n}
	for _, c := range n.children {
		l = append(l, c.all()...)
	}
	return l
}

// change does something to one element of the tree.
func (n *tree) change(r *rand.Rand, words []string) {
	nodes := n.all()
	if len(nodes) < 2 {
		return
	}
	at := nodes[r.IntN(len(nodes))]
	k := len(at.children)
	switch i := r.IntN(9); {
	case i == 0 && k > 0: // lose a child
		j := r.IntN(k)
		at.children = append(append([]*tree{}, at.children[:j]...), at.children[j+1:]...)
	case i == 1 && k > 0: // twice
		j := r.IntN(k)
		at.children = append(append([]*tree{}, at.children[:j+1]...), at.children[j:]...)
	case i == 2 && k > 1: // another order
		j := r.IntN(k - 1)
		at.children[j], at.children[j+1] = at.children[j+1], at.children[j]
	case i == 3:
		at.name = nodes[r.IntN(len(nodes))].name
	case i == 4: // graft
		at.children = append(at.children, nodes[len(nodes)-1-r.IntN(len(nodes)/2)].copy())
	case i == 5:
		at.children = nil
	case i == 6 && k == 0:
		at.text = words[r.IntN(len(words))]
	case i == 7 && k > 0:
		j := r.IntN(k)
		c := nodes[len(nodes)-1-r.IntN(len(nodes)/2)].copy()
		at.children = append(append(append([]*tree{}, at.children[:j]...), c), at.children[j:]...)
	case i == 8:
		at.attributes += []string{` Ccy="EUR"`, ` x="1"`, ` xml:lang="de"`}[r.IntN(3)]
	}
}

// TestAgainstTheSchema changes documents at random, and lets libxml2 say which are still
// valid. What is not must be refused; what is may be refused, but not for its structure.
func TestAgainstTheSchema(t *testing.T) {
	t.Parallel()
	const known = `<PstlAdr><StrtNm>Ring</StrtNm><BldgNb>1</BldgNb><PstCd>50667</PstCd><TwnNm>Köln</TwnNm><CtrySubDvsn>NRW</CtrySubDvsn><Ctry>DE</Ctry><AdrLine>1</AdrLine><AdrLine>2</AdrLine></PstlAdr>` +
		`<Id><OrgId><Othr><Id>1</Id><SchmeNm><Cd>COID</Cd></SchmeNm><Issr>X</Issr></Othr></OrgId></Id><CtryOfRes>DE</CtryOfRes><CtctDtls><NmPrfx>MISS</NmPrfx><Nm>Zoe</Nm><PhneNb>+49-1</PhneNb><EmailAdr>z@example.org</EmailAdr></CtctDtls>`
	base := map[string]string{}
	for version, document := range map[string]string{pain.Version03: plain, pain.Version09: later} {
		base[version] = with(t, document,
			"<Nm>Pay App</Nm>", "<Nm>Pay App</Nm>"+known, "<Nm>Zoe Roth</Nm>", "<Nm>Zoe Roth</Nm>"+known,
			"</PmtMtd>", "</PmtMtd><BtchBookg>true</BtchBookg><NbOfTxs>1</NbOfTxs><CtrlSum>12.5</CtrlSum><PmtTpInf><InstrPrty>NORM</InstrPrty><SvcLvl><Cd>SEPA</Cd></SvcLvl><LclInstrm><Cd>INST</Cd></LclInstrm></PmtTpInf>",
			"<CdtTrfTxInf>", "<UltmtDbtr><Nm>M</Nm></UltmtDbtr><ChrgBr>SLEV</ChrgBr><CdtTrfTxInf>",
			"<EndToEndId>", "<InstrId>I-7</InstrId><EndToEndId>",
			"32013000</IBAN></Id>", "32013000</IBAN></Id><Tp><Cd>CASH</Cd></Tp><Ccy>EUR</Ccy><Nm>Giro</Nm>",
			"</Amt>", "</Amt><ChrgBr>SLEV</ChrgBr><UltmtDbtr><Nm>M</Nm></UltmtDbtr>",
			"<Cdtr>", "<CdtrAgt><FinInstnId><Nm>Bank</Nm><Othr><Id>NOTPROVIDED</Id></Othr></FinInstnId></CdtrAgt><Cdtr>",
			"Söhne</Nm>", "Söhne</Nm><PstlAdr><PstCd>1010</PstCd><TwnNm>Wien</TwnNm><Ctry>AT</Ctry><AdrLine>1</AdrLine></PstlAdr><Id><PrvtId><Othr><Id>1</Id><SchmeNm><Prtry>SEPA</Prtry></SchmeNm></Othr></PrvtId></Id>",
			"<IBAN>AT611904300234573201</IBAN>", "<Othr><Id>1</Id><SchmeNm><Prtry>X</Prtry></SchmeNm><Issr>Y</Issr></Othr>",
			"</CdtTrfTxInf>", "<UltmtCdtr><Nm>D</Nm></UltmtCdtr><Purp><Cd>SUPP</Cd></Purp><RmtInf><Ustrd>a</Ustrd><Ustrd>b</Ustrd><Strd><CdtrRefInf><Tp><CdOrPrtry><Cd>SCOR</Cd></CdOrPrtry><Issr>I</Issr></Tp><Ref>R</Ref></CdtrRefInf></Strd></RmtInf></CdtTrfTxInf>")
		wantValid(t, version, base[version])
		if _, err := pain.Parse([]byte(base[version]), pain.Limits{}); err != nil {
			t.Fatal(err)
		}
	}
	words := []string{"", "1", "A", "AA", "ABCD", "abcd", "SEPA", "TRF", "true", "NORM", "HIGH", "12.5", "12.50", "-1", "2026-06-16", "2026-06-16Z", "2026-06-16T00:00:00", "2026-02-29", "EUR", "DE", "COBADEFF", "COBADEFFXXX",
		"+49-1", "DE98ZZZ09999999999", strings.Repeat("x", 16), strings.Repeat("x", 17), strings.Repeat("x", 35), strings.Repeat("x", 36), strings.Repeat("ü", 70), strings.Repeat("x", 71), strings.Repeat("x", 140), strings.Repeat("ü", 141)}
	structure := []string{"is no element", "stands more often", "is missing", "stands beside another element", "is empty", "has more than 16", "has more than 35", "has more than 70", "has more than 140", "is not a code", "line "}
	for version, document := range base {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			r := rand.New(rand.NewPCG(20022, uint64(len(document))))
			var documents []string
			whole := grow(t, document)
			for range 1000 {
				root := whole.copy()
				for range 1 + r.IntN(2) {
					root.change(r, words)
				}
				var b strings.Builder
				root.write(&b)
				if b.Len() < 1<<20 {
					documents = append(documents, b.String())
				}
			}
			accepted, judged := 0, 0
			verdicts := judge(t, version, documents...)
			if verdicts == nil {
				t.Skip("not beside this repository: the schemas of ISO 20022; or there is no xmllint")
			}
			for document, valid := range verdicts {
				_, err := pain.Parse([]byte(document), pain.Limits{})
				if err == nil {
					accepted++
				}
				if valid {
					judged++
				}
				switch {
				case err == nil && !valid:
					t.Errorf("taken, and not valid: %s", document)
				case err != nil && valid && !strings.Contains(err.Error(), "CdtrRefInf"):
					for _, s := range structure {
						if strings.Contains(err.Error(), s) {
							t.Errorf("valid, and refused: %v\n%s", err, document)
						}
					}
				}
			}
			if accepted < 40 || judged < accepted || judged > len(verdicts)*9/10 {
				t.Errorf("%d of %d taken, %d valid: the changes do not try much", accepted, len(verdicts), judged)
			}
			t.Logf("%d of %d taken, %d valid", accepted, len(verdicts), judged)
		})
	}
}
