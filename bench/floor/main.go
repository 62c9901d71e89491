// Command floor does the least that is still correct, so that the product can be measured
// against what the machine can do.
//
// It serves the hot paths of an account servicing bank: token, consents, accounts, balances,
// transactions as JSON and camt, payments, batches, funds confirmations. Each request is authenticated by client
// certificate and bound token, its consent is read by one statement, its use is counted
// durably, every write is on disk before it is acknowledged, and the bank is asked over the
// signed connector protocol. What it leaves out is what makes a product: other profiles,
// other formats, precise error texts, pages, migrations, and the mapping of what the bank
// answers, which is passed on as it is; only a camt has to be written anew.
//
// It uses the standard library, a database driver and kit/eidas, and nothing else of the
// product: a floor that shared the product's code would hide its cost.
package main

import (
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"flag"
	"fmt"
	"log"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"kontor/bench/floor/store"
)

type floor struct {
	db      store.Store
	key     *rsa.PrivateKey // signs what goes to the bank
	bankKey *rsa.PublicKey  // verifies what comes from it
	bank    string
	client  *http.Client
	tpps    sync.Map // SHA-256 of a certificate → tpp
	waiting sync.Map // session → chan string: who waits for the address of the bank's page
}

func main() {
	api := flag.String("api", "127.0.0.1:0", "TLS address for TPPs")
	callback := flag.String("callback", "127.0.0.1:0", "address for the bank's callbacks")
	debug := flag.String("debug", "127.0.0.1:0", "address of /metrics")
	db := flag.String("db", "", "sqlite:PATH or postgres://…")
	bank := flag.String("bank", "", "URL of the bank's connector")
	dir := flag.String("keys", "", "folder with ca.pem, server.pem, server.key, hub.key, bank.pub")
	rows := flag.Int("seed", 0, "first fill an empty database with so many consents, and end")
	flag.Parse()
	if err := run(*api, *callback, *debug, *db, *bank, *dir, *rows); err != nil {
		log.Fatal("floor: ", err)
	}
}

func run(api, callback, debug, dsn, bank, dir string, rows int) error {
	db, err := store.Open(dsn, schema, reads)
	if err != nil {
		return err
	}
	f := &floor{db: db, bank: bank, client: &http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 128, ExpectContinueTimeout: time.Second}}}
	if rows > 0 {
		return fill(db, dir, rows)
	}
	if err := f.keys(dir); err != nil {
		return err
	}
	pair, err := tls.LoadX509KeyPair(dir+"/server.pem", dir+"/server.key")
	if err != nil {
		return err
	}
	anchors, err := os.ReadFile(dir + "/ca.pem")
	if err != nil {
		return err
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(anchors)
	errs := make(chan error)
	go func() { errs <- http.ListenAndServe(debug, promhttp.Handler()) }()
	go func() { errs <- http.ListenAndServe(callback, f.web()) }()
	go func() {
		s := &http.Server{Addr: api, Handler: f.xs2a(), ReadHeaderTimeout: 5 * time.Second, TLSConfig: &tls.Config{
			Certificates: []tls.Certificate{pair}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: pool, NextProtos: []string{"http/1.1"}}}
		errs <- s.ListenAndServeTLS("", "")
	}()
	return <-errs
}

func (f *floor) keys(dir string) error {
	var ders [2][]byte
	for i, name := range []string{"/hub.key", "/bank.pub"} {
		data, err := os.ReadFile(dir + name)
		if err != nil {
			return err
		}
		block, _ := pem.Decode(data)
		if block == nil {
			return fmt.Errorf("%s is no PEM file", name)
		}
		ders[i] = block.Bytes
	}
	key, err := x509.ParsePKCS8PrivateKey(ders[0])
	if err != nil {
		return err
	}
	public, err := x509.ParsePKIXPublicKey(ders[1])
	if err != nil {
		return err
	}
	f.key, f.bankKey = key.(*rsa.PrivateKey), public.(*rsa.PublicKey)
	return nil
}
