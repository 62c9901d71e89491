package trustlist_test

import (
	"crypto/x509"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"kontor/kit/trustlist"
	"kontor/kit/trustlist/trustlisttest"
)

var next = time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)

// a list of Slovenia with one service, whose certificate is that of signer.
func slovenia(signer trustlisttest.Signer, status string, sequence int) trustlisttest.List {
	return trustlisttest.List{
		Type: trustlist.TypeNational, Territory: "SI", Sequence: sequence, NextUpdate: next,
		Services: []trustlisttest.Service{{Cert: signer.Cert, Periods: []trustlisttest.Period{
			{Type: trustlist.IssuesQualified, Status: status, From: next.AddDate(-1, 0, 0), Uses: []string{trustlist.ForWebSiteAuthentication}},
			{Type: trustlist.IssuesQualified, Status: trustlist.Granted, From: next.AddDate(-3, 0, 0), Uses: []string{trustlist.ForESeals}},
		}}},
	}
}

func lists(sequence int, uris []string, pointers ...trustlisttest.Pointer) string {
	return trustlisttest.List{Type: trustlist.TypeLists, Territory: "EU", Sequence: sequence, NextUpdate: next, URIs: uris, Pointers: pointers}.XML()
}

func TestWhatIsNoListIsRefused(t *testing.T) {
	t.Parallel()
	keeper, stranger := trustlisttest.NewSigner("keeper"), trustlisttest.NewSigner("stranger")
	plain := slovenia(stranger, trustlist.Granted, 7).XML()
	good := string(keeper.Sign(plain))
	pins := []trustlist.Pin{keeper.Pin()}
	late, other := keeper, keeper
	late.At, other.Says = keeper.Cert.NotAfter.Add(time.Hour), stranger.Cert
	if _, err := trustlist.Read([]byte(good), pins); err != nil {
		t.Fatal(err)
	}
	replaced := func(old, new string) string {
		if !strings.Contains(good, old) {
			t.Fatalf("%q is not in the list", old)
		}
		return strings.Replace(good, old, new, 1)
	}
	const from, to = "<SchemeTerritory>SI</SchemeTerritory>", "<SchemeTerritory>XX</SchemeTerritory>"
	begin, end := strings.Index(good, "<ds:Signature "), strings.Index(good, "</TrustServiceStatusList>")
	signature := good[begin:end]
	forged := strings.Replace(plain, "Provider of SI", "Provider of mine", 1)
	root := good[strings.Index(good, "<TrustServiceStatusList"):]
	for _, tt := range []struct {
		name, xml string
		err       error
	}{
		{"a list that another has signed", string(stranger.Sign(plain)), trustlist.ErrSigner},
		{"a list signed after its signer's certificate had ended", string(late.Sign(plain)), trustlist.ErrSigner},
		{"a list whose signer names another certificate", string(other.Sign(plain)), trustlist.ErrSigner},
		{"a list that nobody has signed", plain, trustlist.ErrForm},
		{"a list that says something else than was signed", replaced(from, to), trustlist.ErrSignature},
		{"a signing time that was changed", replaced("<xades:SigningTime>2026", "<xades:SigningTime>2027"), trustlist.ErrSignature},
		{"a signer's certificate put in by a stranger", strings.Replace(string(stranger.Sign(plain)), "<ds:X509Data>", "<ds:X509Data>"+signature[strings.Index(signature, "<ds:X509Certificate>"):strings.Index(signature, "</ds:X509Data>")], 1), trustlist.ErrSignature},
		{"a document type", strings.Replace(good, "\n", `<!DOCTYPE x [<!ENTITY e "SI">]>`, 1), trustlist.ErrForm},
		{"an entity", replaced(from, "<SchemeTerritory>&e;</SchemeTerritory>"), trustlist.ErrForm},
		{"a processing instruction", replaced(from, "<?x y?>"+from), trustlist.ErrForm},
		{"another charset", strings.Replace(good, "UTF-8", "ISO-8859-1", 1), trustlist.ErrForm},
		{"a second signature", good[:end] + signature + good[end:], trustlist.ErrForm},
		{"a second root", good + root, trustlist.ErrForm},
		{"an attribute that stands twice", replaced(`Id="list"`, `Id="list" Id="list"`), trustlist.ErrForm},
		{"the signed list wrapped into a forged one", strings.Replace(forged, "</TrustServiceStatusList>", root+"</TrustServiceStatusList>", 1), trustlist.ErrForm},
		{"the signed list kept as an object of its own signature", strings.Replace(forged, "</TrustServiceStatusList>", strings.Replace(signature, "</ds:Signature>", "<ds:Object>"+plain+"</ds:Object></ds:Signature>", 1)+"</TrustServiceStatusList>", 1), trustlist.ErrForm},
		{"the signature moved under an element of a forged list", strings.Replace(forged, "<SchemeInformation>", "<SchemeInformation>"+signature, 1), trustlist.ErrForm},
		{"a reference to a part of the list", replaced(`URI=""`, `URI="#part"`), trustlist.ErrSignature},
		{"properties of another signature", replaced(`Target="#signature"`, `Target="#other"`), trustlist.ErrForm},
		{"more than a hundred levels", strings.Repeat("<a>", 100) + strings.Repeat("</a>", 100), trustlist.ErrForm},
		{"more tags than any list has", "<a>" + strings.Repeat("<b/>", 400_000) + "</a>", trustlist.ErrForm},
		{"more bytes than any list has", "<a>" + strings.Repeat(" ", 9<<20) + "</a>", trustlist.ErrForm},
		{"more namespaces than any list has", replaced("<SchemeInformation>", "<SchemeInformation"+namespaces(40)+">"), trustlist.ErrForm},
		{"something else", "hello", trustlist.ErrForm},
		{"nothing", "", trustlist.ErrForm},
		{"a version that is not known", string(keeper.Sign(strings.Replace(plain, "<TSLVersionIdentifier>6", "<TSLVersionIdentifier>7", 1))), trustlist.ErrForm},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if _, err := trustlist.Read([]byte(tt.xml), pins); !errors.Is(err, tt.err) {
				t.Errorf("got %v, want %v", err, tt.err)
			}
		})
	}
	t.Run("comments and a byte order mark change nothing", func(t *testing.T) {
		t.Parallel()
		l, err := trustlist.Read([]byte("\xef\xbb\xbf"+replaced(from, "<SchemeTerritory>S<!-- X -->I</SchemeTerritory>")), pins)
		if err != nil || l.Territory != "SI" {
			t.Errorf("%v, %v", l, err)
		}
	})
}

func namespaces(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, ` xmlns:n%d="urn:n%d"`, i, i)
	}
	return b.String()
}

func TestHistory(t *testing.T) {
	t.Parallel()
	keeper := trustlisttest.NewSigner("keeper")
	l, err := trustlist.Read(keeper.Sign(slovenia(keeper, "http://uri.etsi.org/TrstSvc/TrustedList/Svcstatus/withdrawn", 7).XML()), []trustlist.Pin{keeper.Pin()})
	if err != nil {
		t.Fatal(err)
	}
	s := l.Services[0]
	if p, ok := s.At(next); !ok || p.IsGranted(next) || !p.Is(trustlist.IssuesQualified, trustlist.ForWebSiteAuthentication) {
		t.Errorf("now: %+v", p)
	}
	then := next.AddDate(-2, 0, 0)
	if p, ok := s.At(then); !ok || !p.IsGranted(then) || p.Is(trustlist.IssuesQualified, trustlist.ForWebSiteAuthentication) {
		t.Errorf("two years ago: %+v", p)
	}
	if p, ok := s.At(next.AddDate(-4, 0, 0)); ok {
		t.Errorf("before it existed: %+v", p)
	}
	old := trustlist.Period{Status: "http://uri.etsi.org/TrstSvc/TrustedList/Svcstatus/accredited"}
	if day := time.Date(2016, 6, 30, 23, 0, 0, 0, time.UTC); !old.IsGranted(day) || old.IsGranted(day.Add(time.Hour)) {
		t.Error("accredited meant granted until eIDAS began to apply, and no longer")
	}
}

func TestTheWayFromTheOfficialJournal(t *testing.T) {
	t.Parallel()
	a, b, c := trustlisttest.NewSigner("a"), trustlisttest.NewSigner("b"), trustlisttest.NewSigner("c")
	si, at := trustlisttest.NewSigner("si"), trustlisttest.NewSigner("at")
	eu := func(signers ...trustlisttest.Signer) trustlisttest.Pointer {
		return trustlisttest.Pointer{Territory: "EU", Signers: signers}
	}
	uris := []string{"https://lists.example/notice.html", "https://lists.example/pivot-20.xml", "https://lists.example/pivot-10.xml"}
	file := func(name string, data []byte) trustlist.File { return trustlist.File{Name: name, Data: data} }
	national := file("SI.xml", si.Sign(slovenia(c, trustlist.Granted, 7).XML()))
	newest := file("lotl.xml", c.Sign(lists(30, uris, eu(c), trustlisttest.Pointer{Territory: "SI", Signers: []trustlisttest.Signer{si}})))
	pivot10 := file("pivot-10.xml", a.Sign(lists(10, nil, eu(b))))
	pivot20 := file("pivot-20.xml", b.Sign(lists(20, uris[2:], eu(c))))
	all := []trustlist.File{newest, pivot10, pivot20, national}
	for _, tt := range []struct {
		name  string
		files []trustlist.File
		pin   trustlisttest.Signer
		err   error
	}{
		{"from the first signer over two pivots", all, a, nil},
		{"from the second over one", all, b, nil},
		{"from the signer of today over none", all, c, nil},
		{"from nobody of them", all, si, trustlist.ErrSigner},
		{"from the signer of today without any pivot", []trustlist.File{newest, national}, c, nil},
		{"not past a pivot that is missing", []trustlist.File{newest, pivot20, national}, a, trustlist.ErrPivot},
		{"not past a pivot that the one before does not vouch for", []trustlist.File{newest, pivot10, file("pivot-20.xml", a.Sign(lists(20, nil, eu(c))))}, a, trustlist.ErrSigner},
		{"not by a signer whom a pivot has dismissed", []trustlist.File{file("lotl.xml", a.Sign(lists(30, uris, eu(a)))), pivot10, pivot20}, a, trustlist.ErrSigner},
		{"not over a pivot that names nobody", []trustlist.File{newest, file("pivot-10.xml", a.Sign(lists(10, nil))), pivot20}, a, trustlist.ErrForm},
		{"not to an edition older than its pivot", []trustlist.File{newest, pivot10, file("pivot-20.xml", b.Sign(lists(5, nil, eu(c))))}, a, trustlist.ErrForm},
		{"not without a list of the lists", []trustlist.File{national}, a, trustlist.ErrForm},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			set, err := trustlist.Open(tt.files, []trustlist.Pin{tt.pin.Pin()})
			if !errors.Is(err, tt.err) || (err == nil) != (tt.err == nil) {
				t.Fatalf("got %v, want %v", err, tt.err)
			}
			if err == nil && (set.Lists.Sequence != 30 || set.Of("SI") == nil || len(set.ServicesOf(c.Cert)) != 1) {
				t.Errorf("%+v", set)
			}
		})
	}

	t.Run("a national list of another's hand, or of another country, does not count", func(t *testing.T) {
		t.Parallel()
		austria := trustlisttest.List{Type: trustlist.TypeNational, Territory: "AT", Sequence: 1, NextUpdate: next}
		set, err := trustlist.Open([]trustlist.File{newest,
			file("SI.xml", at.Sign(slovenia(c, trustlist.Granted, 8).XML())), file("AT.xml", si.Sign(austria.XML())), file("HR.xml", []byte("<x/>")),
		}, []trustlist.Pin{c.Pin()})
		if err != nil || len(set.National) != 0 || len(set.Problems) != 3 {
			t.Errorf("%+v, %v", set, err)
		}
	})
	t.Run("of two editions the newer counts", func(t *testing.T) {
		t.Parallel()
		set, err := trustlist.Open([]trustlist.File{newest, file("a.xml", si.Sign(slovenia(c, trustlist.Granted, 9).XML())), national}, []trustlist.Pin{c.Pin()})
		if err != nil || set.Of("SI").Sequence != 9 || len(set.ServicesOf(c.Cert)) != 1 {
			t.Errorf("%+v, %v", set, err)
		}
	})
}

func TestQualifiers(t *testing.T) {
	t.Parallel()
	policy, err := x509.ParseOID("1.2.3")
	if err != nil {
		t.Fatal(err)
	}
	cert := &x509.Certificate{KeyUsage: x509.KeyUsageDigitalSignature, Policies: []x509.OID{policy}}
	const (
		isPolicy  = `<q:PolicySet><q:PolicyIdentifier><x:Identifier>urn:oid:1.2.3</x:Identifier></q:PolicyIdentifier></q:PolicySet>`
		notPolicy = `<q:PolicySet><q:PolicyIdentifier><x:Identifier>1.2.4</x:Identifier></q:PolicyIdentifier></q:PolicySet>`
		signs     = `<q:KeyUsage><q:KeyUsageBit name="digitalSignature">true</q:KeyUsageBit><q:KeyUsageBit name="nonRepudiation">false</q:KeyUsageBit></q:KeyUsage>`
		commits   = `<q:KeyUsage><q:KeyUsageBit name="nonRepudiation">true</q:KeyUsageBit></q:KeyUsage>`
		unknown   = `<q:otherCriteriaList><q:Moon>full</q:Moon></q:otherCriteriaList>`
	)
	keeper := trustlisttest.NewSigner("keeper")
	for _, tt := range []struct {
		name, assert, criteria, qualifier string
		applies                           bool
	}{
		{"all of all", "all", isPolicy + signs, trustlist.QCForWSA, true},
		{"all but one", "all", isPolicy + commits, trustlist.QCForWSA, false},
		{"one of several", "atLeastOne", notPolicy + signs, trustlist.QCForWSA, true},
		{"none of several", "atLeastOne", notPolicy + commits, trustlist.QCForWSA, false},
		{"none, as it should be", "none", notPolicy + commits, trustlist.QCForWSA, true},
		{"one although none should be", "none", isPolicy, trustlist.QCForWSA, false},
		{"a list within a list", "all", `<q:CriteriaList assert="atLeastOne">` + notPolicy + isPolicy + `</q:CriteriaList>` + signs, trustlist.QCForWSA, true},
		{"what is not understood gives nothing", "all", isPolicy + unknown, trustlist.QCForWSA, false},
		{"what is not understood takes away", "all", isPolicy + unknown, trustlist.NotQualified, true},
		{"what is not understood does not matter beside what fails", "all", notPolicy + unknown, trustlist.NotQualified, false},
		{"no criteria give nothing", "all", "", trustlist.QCStatement, false},
		{"an assertion that is not known takes away", "some", isPolicy, trustlist.NotQualified, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			list := slovenia(keeper, trustlist.Granted, 1)
			list.Services[0].Periods[0].Extensions = `<Extension Critical="true"><q:Qualifications><q:QualificationElement><q:Qualifiers><q:Qualifier uri="` + tt.qualifier +
				`"/></q:Qualifiers><q:CriteriaList assert="` + tt.assert + `">` + tt.criteria + `</q:CriteriaList></q:QualificationElement></q:Qualifications></Extension>`
			l, err := trustlist.Read(keeper.Sign(list.XML()), []trustlist.Pin{keeper.Pin()})
			if err != nil {
				t.Fatal(err)
			}
			if got := l.Services[0].Periods[0].QualifiersOf(cert); slices.Contains(got, tt.qualifier) != tt.applies {
				t.Errorf("got %v", got)
			}
		})
	}
}

// FuzzRead changes a list in any way: it must be refused, or say what it said.
func FuzzRead(f *testing.F) {
	keeper := trustlisttest.NewSigner("keeper")
	good := keeper.Sign(slovenia(keeper, trustlist.Granted, 7).XML())
	pins := []trustlist.Pin{keeper.Pin()}
	whole, err := trustlist.Read(good, pins)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(10, 5, "x")
	f.Add(len(good)/2, 0, "<!-- -->")
	f.Add(len(good)-300, 20, "")
	f.Fuzz(func(t *testing.T, at, length int, put string) {
		if at < 0 || length < 0 || at > len(good) || length > len(good)-at {
			t.Skip()
		}
		l, err := trustlist.Read([]byte(string(good[:at])+put+string(good[at+length:])), pins)
		if err == nil {
			l.SHA256 = whole.SHA256
			if !reflect.DeepEqual(l, whole) {
				t.Errorf("%q for %q at %d: %+v", put, good[at:at+length], at, l)
			}
		}
	})
}
