package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"

	"gopkg.in/yaml.v3"

	"kontor/app"
	"kontor/tour"
)

type devCommand struct {
	Data      string            `help:"Folder for databases, certificates and keys." default:"kontor-data" type:"path"`
	DB        string            `name:"db" placeholder:"URL" help:"PostgreSQL address (postgres://…) instead of SQLite files in the data folder." env:"KONTOR_DB"`
	API       string            `name:"api" help:"Address for TPPs (TLS with client certificates)." default:"127.0.0.1:8443"`
	Web       string            `help:"Address for browsers and connectors." default:"127.0.0.1:8080"`
	WebTLS    string            `name:"web-tls" help:"The same over TLS." default:"127.0.0.1:8444"`
	Bank      string            `help:"Address of the reference banks." default:"127.0.0.1:8090"`
	Metrics   string            `placeholder:"HOST:PORT" help:"Address of Prometheus metrics. Default: none."`
	Override  map[string]string `placeholder:"BANK=YAML" mapsep:"none" help:"Switches in which one of the banks differs from its profile: lon='baskets: {enabled: true, sizeMax: 5}'."`
	Exempt    []string          `placeholder:"WHAT" help:"What the reference banks do without SCA: lists of accounts for once (lists), payments of low risk (risk)."`
	ReadyFile string            `placeholder:"FILE" help:"Write addresses, certificates and customers to this file (JSON) when ready." type:"path"`
}

func (c devCommand) options() (app.DevOptions, error) {
	override, err := overridden(c.Override)
	return app.DevOptions{Data: c.Data, DB: c.DB, API: c.API, Web: c.Web, WebTLS: c.WebTLS, Bank: c.Bank, Metrics: c.Metrics, Override: override, Exempt: c.Exempt}, err
}

// overridden reads the switches of banks.
func overridden(texts map[string]string) (map[string]map[string]any, error) {
	override := map[string]map[string]any{}
	for bank, text := range texts {
		var switches map[string]any
		if err := yaml.Unmarshal([]byte(text), &switches); err != nil {
			return nil, fmt.Errorf("--override %s: %w", bank, err)
		}
		override[bank] = switches
	}
	return override, nil
}

func (c devCommand) Run(ctx context.Context, log *slog.Logger) error {
	if c.ReadyFile != "" {
		// That of an earlier start would tell those who wait for it of addresses that are gone.
		if err := os.Remove(c.ReadyFile); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	o, err := c.options()
	if err != nil {
		return err
	}
	dev, err := app.NewDev(ctx, o, log)
	if err != nil {
		return err
	}
	return dev.Run(ctx, func() error {
		if c.ReadyFile != "" {
			if err := dev.Ready.Write(c.ReadyFile); err != nil {
				return err
			}
		}
		fmt.Print(dev.Welcome())
		return nil
	})
}

type tourCommand struct {
	DB      string `name:"db" placeholder:"URL" help:"PostgreSQL address (postgres://…) instead of a temporary SQLite database." env:"KONTOR_DB"`
	JSON    string `name:"json" placeholder:"FILE" help:"Write the steps to this file (JSON)." type:"path"`
	Verbose bool   `help:"Print full requests and answers." short:"v"`
	Against string `placeholder:"FILE" help:"Take the tour at a kontor dev that is running: its ready file." type:"existingfile"`

	Approach []string          `placeholder:"WAY" help:"Play only how PSUs authorise in this approach: redirect, oauth, decoupled or embedded; or in several, with commas."`
	Override map[string]string `placeholder:"BANK=YAML" mapsep:"none" help:"With --approach: switches in which a bank differs from its profile. Default: lon, the one that redirects, offers all that can be authorised, and wants it confirmed."`
}

// allByRedirect is what can be authorised by redirect and the profile of the bank that does so has
// not.
const allByRedirect = `{payments: {cancellation: authorised}, baskets: {enabled: true, sizeMax: 5}, funds: {consentVia: v2}, scaConfirmation: {mode: code}}`

func (c tourCommand) Run(ctx context.Context, log *slog.Logger) error {
	if err := tour.CheckApproaches(c.Approach); err != nil {
		return err // before anything is started for it
	}
	o := tour.Options{Out: os.Stdout, Verbose: c.Verbose, Approaches: c.Approach}
	if c.Against != "" {
		return tour.Against(ctx, c.Against, o, c.JSON)
	}
	dir, err := os.MkdirTemp("", "kontor-tour-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if len(c.Approach) > 0 && c.Override == nil {
		c.Override = map[string]string{"lon": allByRedirect}
	}
	override, err := overridden(c.Override)
	if err != nil {
		return err
	}
	const free = "127.0.0.1:0"
	dev, err := app.NewDev(ctx, app.DevOptions{Data: dir, DB: c.DB, Temporary: true, API: free, Web: free, WebTLS: free, Bank: free, Override: override}, log)
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	toured := make(chan error, 1)
	err = dev.Run(ctx, func() error {
		go func() {
			o.Ready = dev.Ready
			toured <- tour.Take(ctx, o, c.JSON)
			stop()
		}()
		return nil
	})
	stop() // the tour has ended, or there is nothing left to tour
	return errors.Join(<-toured, err)
}

type bankCommand struct {
	Unlock string `help:"Unlock the customer with this log-in, at every bank, and end: the log-in page and all methods." placeholder:"LOGIN"`
	Data   string `help:"Folder of a kontor dev: its keys are used." default:"kontor-data" type:"path"`
	DB     string `name:"db" placeholder:"URL" help:"PostgreSQL address (postgres://…) instead of SQLite files in the data folder." env:"KONTOR_BANK_DB"`
	Listen string `help:"Address to listen on." default:"127.0.0.1:8090"`
	Hub    string `help:"URL of the hub, before /api/connectors/v2." default:"http://127.0.0.1:8080"`

	Exempt []string `placeholder:"WHAT" help:"What the banks do without SCA: lists of accounts for once (lists), payments of low risk (risk)."`
}

func (c bankCommand) Run(ctx context.Context, log *slog.Logger) error {
	if c.Unlock != "" {
		c.Listen = "127.0.0.1:0" // the banks may be running
	}
	b, err := app.NewBanks(ctx, app.BanksOptions{Data: c.Data, DB: c.DB, Address: c.Listen, HubURL: c.Hub, Exempt: c.Exempt}, log)
	if err != nil {
		return err
	}
	if c.Unlock != "" {
		return errors.Join(b.Unlock(ctx, c.Unlock), b.Close())
	}
	fmt.Println("reference banks at", b.URL)
	return b.Run(ctx)
}
