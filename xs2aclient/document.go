package xs2aclient

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"mime/multipart"
	"net/http"
	"net/textproto"
)

// A Document is a body that is no JSON.
type Document struct {
	ContentType string
	Body        []byte
}

// PainDocument is a pain.001 of a single payment or a bulk.
func PainDocument(pain001 []byte) Document { return Document{"application/xml", pain001} }

// StandingDocument is a standing order whose payment is a pain.001.
func StandingDocument(pain001 []byte, s Standing) (Document, error) {
	details, err := json.Marshal(s)
	if err != nil {
		return Document{}, fmt.Errorf("standing order: %w", err)
	}
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for _, p := range []struct {
		name, media string
		content     []byte
	}{{"xml_sct", "application/xml", pain001}, {"json_standingorderType", "application/json", details}} {
		part, err := w.CreatePart(textproto.MIMEHeader{"Content-Disposition": {`form-data; name="` + p.name + `"`}, "Content-Type": {p.media}})
		if err == nil {
			_, err = part.Write(p.content)
		}
		if err != nil {
			return Document{}, fmt.Errorf("standing order: %w", err)
		}
	}
	if err := w.Close(); err != nil {
		return Document{}, fmt.Errorf("standing order: %w", err)
	}
	return Document{w.FormDataContentType(), b.Bytes()}, nil
}

// PaymentDocument reads a payment that came as a Document.
func (c *Client) PaymentDocument(ctx context.Context, id PaymentID) (d Document, err error) {
	err = c.document(ctx, "PaymentDocument", id, "application/xml, multipart/form-data", &d)
	return d, err
}

// PaymentStatusReport reads the status of a payment as pain.002, where the bank tells it so.
func (c *Client) PaymentStatusReport(ctx context.Context, id PaymentID) (d Document, err error) {
	err = c.document(ctx, "PaymentStatusReport", id, "application/xml", &d, "status")
	return d, err
}

func (c *Client) document(ctx context.Context, operation string, id PaymentID, accept string, d *Document, below ...string) error {
	u := c.at(append([]string{id.Service, id.Product, id.ID}, below...)...)
	_, err := c.do(ctx, request{operation: operation, method: http.MethodGet, url: u, headers: map[string]string{"Accept": accept}}, d)
	return err
}
