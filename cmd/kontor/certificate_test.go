package main

import (
	"encoding/pem"
	"os"
	"path/filepath"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"kontor/kit/eidas"
	"kontor/kit/trustlist"
	"kontor/kit/trustlist/trustlisttest"
)

// lists CA DIR writes trusted lists that know the CA's issuing certificate as a service,
// and journal.pem, the certificate by which the list of the lists is signed.
func lists(ts *testscript.TestScript, _ bool, args []string) {
	ca, err := eidas.LoadCA(ts.MkAbs(args[0]))
	ts.Check(err)
	dir := ts.MkAbs(args[1])
	ts.Check(os.Mkdir(dir, 0o755))
	journal, si := trustlisttest.NewSigner("Journal"), trustlisttest.NewSigner("SI")
	next := time.Now().AddDate(0, 1, 0)
	ts.Check(os.WriteFile(filepath.Join(dir, "eu-lotl.xml"), journal.Sign(trustlisttest.List{
		Type: trustlist.TypeLists, Territory: "EU", Sequence: 1, NextUpdate: next,
		Pointers: []trustlisttest.Pointer{{Territory: "SI", Signers: []trustlisttest.Signer{si}}},
	}.XML()), 0o644))
	ts.Check(os.WriteFile(filepath.Join(dir, "SI.xml"), si.Sign(trustlisttest.List{
		Type: trustlist.TypeNational, Territory: "SI", Sequence: 2, NextUpdate: next,
		Services: []trustlisttest.Service{{Cert: ca.Issuing, Periods: []trustlisttest.Period{{
			Type: trustlist.IssuesQualified, Status: trustlist.Granted, From: time.Now().AddDate(-1, 0, 0),
			Uses: []string{trustlist.ForWebSiteAuthentication, trustlist.ForESeals},
		}}}},
	}.XML()), 0o644))
	ts.Check(os.WriteFile(filepath.Join(dir, "journal.pem"), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: journal.Cert.Raw}), 0o644))
}
