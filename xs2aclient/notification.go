package xs2aclient

import (
	"net/http"
	"strings"
)

// What a TPP can ask to be told.
const (
	NotifySCA     = "SCA"     // each status of an authorisation
	NotifyProcess = "PROCESS" // each status of a consent or payment
	NotifyLast    = "LAST"    // only its last one
)

// Notifications are what a TPP wants to be told without asking again.
type Notifications struct {
	URI     string   // https, on a domain of the TPP's certificate; the bank posts there
	Content []string // none: all that the bank tells
}

// WithNotifications returns a copy that asks for n with everything that it creates or starts.
// Banks may not tell anything: see PaymentCreated.NotificationSupport.
func (c *Client) WithNotifications(n Notifications) *Client {
	d := *c
	d.notifications = n
	return &d
}

// headers are those of a request by method.
func (n Notifications) headers(method string) map[string]string {
	if n.URI == "" || method == http.MethodGet {
		return nil
	}
	h := map[string]string{"TPP-Notification-URI": n.URI}
	if len(n.Content) > 0 {
		h["TPP-Notification-Content-Preferred"] = "status=" + strings.Join(n.Content, ",")
	}
	return h
}
