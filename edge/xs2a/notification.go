package xs2a

import (
	"net/http"
	"net/url"
	"strconv"

	"kontor/bank/notify"
	"kontor/bank/profile"
)

// Headers by which a TPP asks to be told of changes of status, and by which it is answered.
const (
	headerNotificationURI     = "Tpp-Notification-Uri"
	headerNotificationContent = "Tpp-Notification-Content-Preferred"
	headerNotified            = "Aspsp-Notification-Support"
	headerNotifiedContent     = "Aspsp-Notification-Content"
)

// notificationHeaders are for every request that creates a resource or starts SCA of one.
var notificationHeaders = []parameter{
	{"header", "TPP-Notification-URI", "Where the TPP wants to be told of changes of status: https, on a domain of its certificate.", "uri", false},
	{"header", "TPP-Notification-Content-Preferred", "Of which changes: status= and a list of SCA, PROCESS and LAST. Without it, all that the bank tells.", "", false},
}

// notification reads what the TPP wants to be told, and answers in h whether it will be. The
// zero Wish is nothing. A bank that tells nobody anything does not look at the headers.
func (a *API) notification(c *call, h http.Header) (notify.Wish, error) {
	if !notifies(a.Bank.Profile) {
		return notify.Wish{}, nil
	}
	uri := c.Header.Get(headerNotificationURI)
	preferred, err := notify.ParseContent(c.Header.Get(headerNotificationContent))
	switch {
	case err != nil:
		return notify.Wish{}, malformed("TPP-Notification-Content-Preferred", "header "+err.Error())
	case uri == "":
		return notify.Wish{}, nil
	}
	if u, err := url.Parse(uri); err != nil || !u.IsAbs() || u.Host == "" {
		return notify.Wish{}, malformed("TPP-Notification-URI", "header is not an absolute URI")
	}
	w := notify.Grant(c.tpp, uri, preferred, offeredContent(a.Bank.Profile))
	h[headerNotified] = []string{strconv.FormatBool(!w.IsZero())}
	if !w.IsZero() {
		h[headerNotifiedContent] = []string{notify.FormatContent(w.Content)}
	}
	return w, nil
}

// dropNotification takes back what notification answered: a request that is refused has left
// nothing to be told of.
func dropNotification(h http.Header) {
	delete(h, headerNotified)
	delete(h, headerNotifiedContent)
}

func notifies(p profile.Profile) bool { return len(p.Notifications) > 0 }

func offeredContent(p profile.Profile) []notify.Content {
	var all []notify.Content
	for _, c := range p.Notifications {
		all = append(all, notify.Content(c))
	}
	return all
}
