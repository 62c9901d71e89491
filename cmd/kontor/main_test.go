package main

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"kontor/bank/core"
	"kontor/bank/notify"
	"kontor/bank/notify/notifysql"
	"kontor/bank/payment"
	"kontor/bank/payment/paymentsql"
	"kontor/kit/eidas"
	"kontor/kit/money"
	"kontor/kit/sqldb"
)

func TestMain(m *testing.M) { testscript.Main(m, map[string]func(){"kontor": main}) }

// TestScripts runs kontor as a person at a terminal does: each file in testdata is one
// sitting, in an empty folder.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata", RequireExplicitExec: true, RequireUniqueNames: true,
		Setup: func(e *testscript.Env) error {
			e.Setenv("TEST_POSTGRES_URL", os.Getenv("TEST_POSTGRES_URL"))
			return nil
		},
		Condition: func(name string) (bool, error) {
			if name == "postgres" {
				return os.Getenv("TEST_POSTGRES_URL") != "", nil
			}
			return false, fmt.Errorf("unknown condition %s", name)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"await": await, "json": readJSON, "keys": keysOf, "write": write, "certificate": certificate, "ports": ports,
			"plainca": plainCA, "schema": schema, "get": get, "remember": remember, "replace": replace, "hostof": hostOf, "lose": lose, "lists": lists,
		},
	})
}

// await FILE waits until the file is there.
func await(ts *testscript.TestScript, _ bool, args []string) {
	for range 600 {
		if _, err := os.Stat(ts.MkAbs(args[0])); err == nil {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	ts.Fatalf("%s did not come", args[0])
}

// in finds what path, such as banks.0.code, names in the JSON file.
func in(ts *testscript.TestScript, file, path string) any {
	var at any
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(file)), &at))
	for key := range strings.SplitSeq(path, ".") {
		if key == "" {
			continue
		}
		switch of := at.(type) {
		case map[string]any:
			at = of[key]
		case []any:
			n, err := strconv.Atoi(key)
			ts.Check(err)
			if n >= len(of) {
				ts.Fatalf("%s: %s has only %d entries", file, path, len(of))
			}
			at = of[n]
		default:
			ts.Fatalf("%s: there is no %s", file, path)
		}
	}
	return at
}

// json FILE PATH [VARIABLE] prints a value, or puts it into a variable.
func readJSON(ts *testscript.TestScript, _ bool, args []string) {
	v := in(ts, args[0], args[1])
	if len(args) > 2 {
		ts.Setenv(args[2], fmt.Sprint(v))
		return
	}
	b, err := json.Marshal(v)
	ts.Check(err)
	fmt.Fprintln(ts.Stdout(), string(b))
}

// keys FILE PATH KEY… checks the names of an object's fields: these and no others.
func keysOf(ts *testscript.TestScript, _ bool, args []string) {
	object, ok := in(ts, args[0], args[1]).(map[string]any)
	if !ok {
		ts.Fatalf("%s is no object", args[1])
	}
	var names []string
	for name := range object {
		names = append(names, name)
	}
	want := args[2:]
	slices.Sort(names)
	slices.Sort(want)
	if !slices.Equal(names, want) {
		ts.Fatalf("%s has %v, not %v", args[1], names, want)
	}
}

// write FROM TO copies a file and puts variables in.
func write(ts *testscript.TestScript, _ bool, args []string) {
	text := os.Expand(ts.ReadFile(args[0]), ts.Getenv)
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), []byte(text), 0o600))
}

// hostof VARIABLE makes the URL in it a host:port.
func hostOf(ts *testscript.TestScript, _ bool, args []string) {
	u, err := url.Parse(ts.Getenv(args[0]))
	ts.Check(err)
	ts.Setenv(args[0], u.Host)
}

// replace FILE OLD NEW changes a file.
func replace(ts *testscript.TestScript, _ bool, args []string) {
	text := ts.ReadFile(args[0])
	if !strings.Contains(text, args[1]) {
		ts.Fatalf("%s has no %q", args[0], args[1])
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(strings.ReplaceAll(text, args[1], args[2])), 0o600))
}

// certificate CERT KEY CA says what a certificate is, after checking that the key is its own
// and that it leads to the CA.
func certificate(ts *testscript.TestScript, _ bool, args []string) {
	pair, err := tls.LoadX509KeyPair(ts.MkAbs(args[0]), ts.MkAbs(args[1]))
	ts.Check(err)
	leaf, signed := pair.Leaf, pair.Leaf
	for _, der := range pair.Certificate[1:] {
		issuer, err := x509.ParseCertificate(der)
		ts.Check(err)
		ts.Check(signed.CheckSignatureFrom(issuer))
		signed = issuer
	}
	block, _ := pem.Decode([]byte(ts.ReadFile(args[2])))
	root, err := x509.ParseCertificate(block.Bytes)
	ts.Check(err)
	ts.Check(signed.CheckSignatureFrom(root))
	out := ts.Stdout()
	switch key := leaf.PublicKey.(type) {
	case *rsa.PublicKey:
		fmt.Fprintf(out, "key RSA %d\n", key.N.BitLen())
	default:
		fmt.Fprintf(out, "key %v\n", leaf.PublicKeyAlgorithm)
	}
	now := time.Now()
	switch {
	case now.After(leaf.NotAfter):
		fmt.Fprintln(out, "expired")
	case now.Before(leaf.NotBefore):
		fmt.Fprintln(out, "not yet valid")
	}
	id, found, err := eidas.Parse(leaf)
	if err != nil {
		fmt.Fprintln(out, "refused:", err)
		return
	}
	fmt.Fprintf(out, "%s of %s, %v, domains %v, roles %v\n", id.QcType, id.Organization, id.OrganizationIdentifier, leaf.DNSNames, id.Roles)
	for _, f := range found {
		fmt.Fprintf(out, "finding: %s (grave: %t)\n", f.Text, f.Grave)
	}
}

// ports VARIABLE… puts free addresses into variables.
func ports(ts *testscript.TestScript, _ bool, args []string) {
	for _, name := range args {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		ts.Check(err)
		defer ln.Close()
		ts.Setenv(name, ln.Addr().String())
	}
}

// plainca DIR makes a CA that is no sandbox's, and a certificate for 127.0.0.1 from it.
func plainCA(ts *testscript.TestScript, _ bool, args []string) {
	dir := ts.MkAbs(args[0])
	ts.Check(os.MkdirAll(dir, 0o700))
	issue := func(name string, template, parent *x509.Certificate, parentKey *ecdsa.PrivateKey) (*x509.Certificate, *ecdsa.PrivateKey) {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		ts.Check(err)
		template.SerialNumber, template.Subject = big.NewInt(1), pkix.Name{CommonName: name}
		template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().AddDate(1, 0, 0)
		if parent == nil {
			parent, parentKey = template, key
		}
		der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, parentKey)
		ts.Check(err)
		cert, err := x509.ParseCertificate(der)
		ts.Check(err)
		text, err := x509.MarshalPKCS8PrivateKey(key)
		ts.Check(err)
		ts.Check(os.WriteFile(dir+"/"+name+".pem", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600))
		ts.Check(os.WriteFile(dir+"/"+name+".key", pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: text}), 0o600))
		return cert, key
	}
	ca, key := issue("root", &x509.Certificate{IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}, nil, nil)
	issue("server", &x509.Certificate{IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}, ca, key)
}

// schema VARIABLE makes an empty schema in the PostgreSQL for tests and puts its address
// into the variable.
func schema(ts *testscript.TestScript, _ bool, args []string) {
	db, err := sql.Open("pgx", os.Getenv("TEST_POSTGRES_URL"))
	ts.Check(err)
	name := "kontor_cli_" + strings.ToLower(rand.Text())
	_, err = db.Exec("CREATE SCHEMA " + name)
	ts.Check(err)
	ts.Defer(func() {
		db.Exec("DROP SCHEMA " + name + " CASCADE")
		db.Close()
	})
	u, err := url.Parse(os.Getenv("TEST_POSTGRES_URL"))
	ts.Check(err)
	q := u.Query()
	q.Set("search_path", name)
	u.RawQuery = q.Encode()
	ts.Setenv(args[0], u.String())
}

// get URL CA [STATUS] asks and prints what is answered; it waits for a server that starts.
func get(ts *testscript.TestScript, neg bool, args []string) {
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM([]byte(ts.ReadFile(args[1])))
	client := &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, DisableKeepAlives: true}}
	for n := 0; ; n++ {
		resp, err := client.Get(args[0])
		if err != nil {
			if neg {
				return
			}
			if n > 200 {
				ts.Fatalf("%v", err)
			}
			time.Sleep(50 * time.Millisecond)
			continue
		}
		defer resp.Body.Close()
		if neg {
			ts.Fatalf("%s answers", args[0])
		}
		var b bytes.Buffer
		b.ReadFrom(resp.Body)
		fmt.Fprintf(ts.Stdout(), "%d\n%s\n", resp.StatusCode, &b)
		return
	}
}

// remember FILE… checks that files are as they were when it last saw them.
func remember(ts *testscript.TestScript, _ bool, args []string) {
	for _, file := range args {
		sum := sha256.Sum256([]byte(ts.ReadFile(file)))
		name := "seen_" + hex.EncodeToString([]byte(file))
		if seen := ts.Getenv(name); seen != "" && seen != hex.EncodeToString(sum[:]) {
			ts.Fatalf("%s has changed", file)
		}
		ts.Setenv(name, hex.EncodeToString(sum[:]))
	}
}

// lose DATABASE BANK ID leaves a payment, handed over an hour ago, to which the bank said
// nothing, and a notification about it that nobody took.
func lose(ts *testscript.TestScript, _ bool, args []string) {
	ctx, now := context.Background(), time.Now()
	dsn := args[0]
	if path, ok := strings.CutPrefix(dsn, "sqlite:"); ok {
		dsn = "sqlite:" + ts.MkAbs(path)
	}
	db, err := sqldb.Open(ctx, dsn)
	ts.Check(err)
	p := payment.Payment{
		Bank: args[1], ID: args[2], TPP: "PSDSI-BS-1234567", Service: payment.Single, Product: "sepa-credit-transfers", RequestID: args[2],
		Order: core.Payment{
			Amount: money.Amount{Minor: 1250, Currency: "EUR"}, CreditorName: "Žiga Čebela", CreditorAccount: core.AccountReference{IBAN: "DE89370400440532013000"},
		},
		Status: payment.Received, CreatedAt: now.Add(-time.Hour), AuthoriseBy: now.Add(time.Hour),
	}.Send(now.Add(-time.Hour), "a-session-that-is-secret")
	ts.Check(paymentsql.Store{DB: db}.Create(ctx, p, p.CreatedAt))
	notices := &notify.Service{
		Store: notifysql.Store{DB: db}, Now: func() time.Time { return now }, NewID: func() string { return args[2] }, Log: slog.New(slog.DiscardHandler),
		Deliver: func(context.Context, string, string, string, []byte) error { return errors.New("nobody listens there") },
	}
	ts.Check(notices.Subscribe(ctx, notify.Subscription{
		Bank: p.Bank, Kind: notify.OfPayment, Resource: p.ID, TPP: p.TPP, Wish: notify.Wish{URI: "https://sava.example/told", Content: []notify.Content{notify.Process}},
	}))
	ts.Check(notices.Event(ctx, notify.Event{Bank: p.Bank, Kind: notify.OfPayment, Resource: p.ID, Status: "RCVD"}))
	ts.Check(notices.Send(ctx))
	notices.Wait()
	ts.Check(db.Close())
}
