package push

import (
	"errors"
	"net/netip"
	"testing"
)

func TestPublic(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, address string
		public        bool
	}{
		{"a public address", "93.184.215.14", true},
		{"a public IPv6 address", "2606:2800:21f:cb07:6820:80da:af6b:8b2c", true},
		{"loopback", "127.0.0.1", false},
		{"another loopback", "127.8.8.8", false},
		{"IPv6 loopback", "::1", false},
		{"no address at all", "0.0.0.0", false},
		{"this network", "0.1.2.3", false},
		{"no IPv6 address at all", "::", false},
		{"a private network", "10.0.0.1", false},
		{"another private network", "172.31.255.255", false},
		{"a third private network", "192.168.1.1", false},
		{"beside a private network", "172.32.0.1", true},
		{"a carrier's network", "100.64.0.1", false},
		{"where clouds keep their metadata", "169.254.169.254", false},
		{"link-local IPv6", "fe80::1", false},
		{"link-local IPv6 with its zone", "fe80::1%eth0", false},
		{"unique local IPv6", "fd00::1", false},
		{"what used to be site-local", "fec0::1", false},
		{"what used to be site-local, with its zone", "fec0::1%eth0", false},
		{"multicast", "224.0.0.1", false},
		{"IPv6 multicast", "ff02::1", false},
		{"everybody", "255.255.255.255", false},
		{"documentation", "192.0.2.1", false},
		{"benchmarks", "198.18.0.1", false},
		{"loopback as an IPv6 address", "::ffff:127.0.0.1", false},
		{"a private address as an IPv6 address", "::ffff:10.0.0.1", false},
		{"a carrier's network as an IPv6 address", "::ffff:100.64.0.1", false},
		{"a public address as an IPv6 address", "::ffff:93.184.215.14", true},
		{"loopback behind a translator", "64:ff9b::7f00:1", false},
		{"loopback by 6to4", "2002:7f00:1::", false},
		{"by Teredo", "2001:0:7f00:1::", false},
		{"loopback in old clothes", "::7f00:1", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if got := public(netip.MustParseAddr(c.address)); got != c.public {
				t.Errorf("public: %v", got)
			}
		})
	}
	if err := refuse("tcp", "no address", nil); !errors.Is(err, ErrAddress) {
		t.Error(err)
	}
}
