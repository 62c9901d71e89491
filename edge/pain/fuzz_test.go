package pain_test

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"testing"

	"kontor/edge/pain"
)

// FuzzParse holds documents against another reader of XML: what is taken here must be XML
// there as well, and say the same when it is read twice.
func FuzzParse(f *testing.F) {
	for _, d := range []string{plain, later, several(2), "", "<Document/>", "<!DOCTYPE x>", "\uFEFF<?xml version='1.0'?><Document xmlns='urn:iso:std:iso:20022:tech:xsd:pain.001.001.03'/>"} {
		f.Add([]byte(d))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) > 1<<16 {
			t.Skip("longer documents say no more")
		}
		before := bytes.Clone(b)
		o, err := pain.Parse(b, pain.Limits{Transactions: 100})
		if !bytes.Equal(b, before) {
			t.Fatal("the document was changed")
		}
		var e *pain.Error
		switch {
		case err != nil && !errors.As(err, &e):
			t.Fatalf("an error without a place: %v", err)
		case err != nil:
			if len(err.Error()) > 1000 {
				t.Fatalf("a long story: %v", err)
			}
			return
		}
		if err := wellFormed(b); err != nil {
			t.Fatalf("taken, and no XML: %v\n%s", err, b)
		}
		for i := range b {
			b[i] = 'x' // nothing of the order may lie in the document
		}
		again, err := pain.Parse(before, pain.Limits{Transactions: 100})
		if d := differ(again, o); d != "" || err != nil {
			t.Fatalf("%v\n%s", err, d)
		}
	})
}

func wellFormed(b []byte) error {
	d := xml.NewDecoder(bytes.NewReader(b))
	for {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
	}
}

func FuzzPeriodic(f *testing.F) {
	f.Add(media, []byte(message(xmlPart(plain), jsonPart(details))))
	f.Add(`multipart/form-data; boundary="a b"`, []byte("--a b\r\n\r\n--a b--"))
	f.Fuzz(func(t *testing.T, media string, body []byte) {
		document, standing, err := pain.ParsePeriodic(media, body)
		var e *pain.Error
		if err != nil {
			if !errors.As(err, &e) || len(err.Error()) > 1000 {
				t.Fatalf("not fit to be told: %v", err)
			}
			return
		}
		media, body, err = pain.WritePeriodic(document, standing)
		if err != nil {
			t.Fatal(err)
		}
		again, _, err := pain.ParsePeriodic(media, body)
		if err != nil || !bytes.Equal(again, document) {
			t.Fatalf("%v: %q became %q", err, document, again)
		}
	})
}
