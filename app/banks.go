package app

import (
	"context"
	"crypto/rsa"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"kontor/corebank"
	"kontor/kit/sqldb"
)

type sandboxBank struct {
	code, name, profile, basePath, bic, country, zone, ibans string
	copy, steps                                              bool // steps: its connector takes SCA by steps and on the phone
}

// The reference banks of a sandbox. Each has an interface of another profile, and one answers
// from a copy of its data, which the hub has renewed. Customers are the same at each; a shop
// at each has an account in the bank's own range of IBANs, where the others can pay to.
var sandboxBanks = []sandboxBank{
	{"lon", "Lonska banka", "bankart", "/psd2/lon", "LONBSI2X", "SI", "Europe/Ljubljana", "SI39", false, false},
	{"salt", "Banca Salina", "salt", "/salt/open-banking/v3.1/aisp", "SALNROBU", "RO", "Europe/Bucharest", "ROSALN", true, false},
	{"isar", "Isarbank", "standard", "/isar", "ISARDEMM", "DE", "Europe/Berlin", "DE70990000", false, true},
}

// copyAge is how old that copy may be.
const copyAge = 15 * time.Minute

// BanksOptions say where the reference banks are and whom they report to.
type BanksOptions struct {
	Data    string // folder of the sandbox
	DB      string // PostgreSQL address; empty: a SQLite file in Data
	Address string
	HubURL  string
	// Exempt is what the banks do without SCA beside low values to whom a customer trusts:
	// "lists" of accounts, payments of low "risk".
	Exempt []string

	sandbox  *sandbox
	listener net.Listener
	now      func() time.Time // nil: time.Now
}

// Banks are the reference banks, behind one listener: each under /{code}.
type Banks struct {
	URL      string
	banks    []*corebank.Bank
	db       *sqldb.DB
	server   *http.Server
	listener net.Listener
}

// Unlock opens the log-in and the methods of a customer again at every bank, before their time.
// Of banks that do not know the customer, one that does is enough.
func (b *Banks) Unlock(ctx context.Context, login string) error {
	var unknown error
	found := false
	for _, bank := range b.banks {
		err := bank.Unlock(ctx, login)
		switch {
		case err == nil:
			found = true
		case errors.Is(err, corebank.ErrCustomer):
			unknown = err
		default:
			return err
		}
	}
	if found {
		return nil
	}
	return unknown
}

// NewBanks opens the reference banks on a database of their own.
func NewBanks(ctx context.Context, o BanksOptions, log *slog.Logger) (*Banks, error) {
	b := &Banks{listener: o.listener}
	if err := b.build(ctx, o, log); err != nil {
		return nil, errors.Join(err, b.Close())
	}
	return b, nil
}

func (b *Banks) build(ctx context.Context, o BanksOptions, log *slog.Logger) (err error) {
	exempt, err := exemptions(o.Exempt)
	if err != nil {
		return err
	}
	if o.sandbox == nil {
		if o.sandbox, err = prepare(o.Data, time.Now(), nil); err != nil {
			return wrap("sandbox in "+o.Data, err)
		}
	}
	if b.listener == nil {
		if b.listener, err = net.Listen("tcp", o.Address); err != nil {
			return err
		}
	}
	b.URL = "http://" + called(b.listener.Addr())
	dsn := o.DB
	if dsn == "" {
		dsn = "sqlite:" + filepath.Join(o.Data, "banks.db")
	}
	if b.db, err = sqldb.Open(ctx, dsn); err != nil {
		return wrap("database of the reference banks", err)
	}
	secret, err := os.ReadFile(o.sandbox.file("secrets/connector-secret"))
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	for _, s := range sandboxBanks {
		zone, err := time.LoadLocation(s.zone)
		if err != nil {
			return err
		}
		bank, err := corebank.New(ctx, corebank.Config{
			Code: s.code, Name: s.name, DB: b.db, BaseURL: b.URL + "/" + s.code, HubURL: o.HubURL,
			AppID: "app-" + s.code, AppSecret: string(secret), SigningKey: o.sandbox.bankKey, HubKeys: []*rsa.PublicKey{&o.sandbox.connectorKey.PublicKey},
			Country: s.country, BIC: s.bic, IBANs: s.ibans, RoundTheClock: true, // whoever tries it out is not to wait for Monday
			Seed: true, Outbox: true, Copy: s.copy, Zone: zone, Now: o.now, Log: log, Exempt: exempt,
		})
		if err != nil {
			return err
		}
		b.banks = append(b.banks, bank)
		mux.Handle("/"+s.code+"/", bank.Handler())
	}
	corebank.Join(b.banks...)
	mux.Handle("GET /outbox.json", corebank.SharedOutbox(b.banks...))
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/"+sandboxBanks[0].code+"/", http.StatusSeeOther)
	})
	b.server = limits{}.server(mux, log)
	return nil
}

// called is the address a by which browsers reach it. They have passkeys of names only, so the
// machine's own address is called by its name.
func called(a net.Addr) string {
	tcp, ok := a.(*net.TCPAddr)
	if !ok || !tcp.IP.Equal(net.IPv4(127, 0, 0, 1)) {
		return a.String()
	}
	return net.JoinHostPort("localhost", strconv.Itoa(tcp.Port))
}

// Close lets go of everything; Run does so by itself.
func (b *Banks) Close() error {
	var err error
	if b.listener != nil {
		if err = b.listener.Close(); errors.Is(err, net.ErrClosed) {
			err = nil
		}
	}
	if b.db != nil {
		err = errors.Join(err, b.db.Close())
		b.db = nil
	}
	return err
}

// Check proves that the books of every bank are right.
func (b *Banks) Check(ctx context.Context) error {
	var errs []error
	for _, bank := range b.banks {
		errs = append(errs, bank.Check(ctx))
	}
	return errors.Join(errs...)
}

// Run serves until ctx ends.
func (b *Banks) Run(ctx context.Context) error {
	for _, bank := range b.banks {
		bank.Start(ctx)
	}
	failed := make(chan error, 1)
	go func() { failed <- (&server{b.server, b.listener}).serve() }()
	var err error
	select {
	case <-ctx.Done():
	case err = <-failed:
	}
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), graceMax)
	defer cancel()
	err = errors.Join(err, unfinished(b.server.Shutdown(ending)))
	for _, bank := range b.banks {
		bank.Close()
	}
	return errors.Join(err, b.Close())
}

// exemptions reads what the banks do without SCA.
func exemptions(names []string) (all corebank.Exemptions, err error) {
	for _, name := range names {
		switch name {
		case "lists":
			all.Lists = true
		case "risk":
			all.Risk = corebank.ByHistory{MostMinor: 100_00, Times: 3}
		default:
			return all, fmt.Errorf("there is no exemption %q of the reference banks; there are lists and risk", name)
		}
	}
	return all, nil
}
