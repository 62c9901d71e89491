package main

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"

	"kontor/app"
)

type configured struct {
	Config string `help:"Configuration file; kontor serve --help shows its shape." required:"" placeholder:"FILE" type:"existingfile" env:"KONTOR_CONFIG"`
}

type serveCommand struct {
	configured
	Migrate bool `help:"Bring the schema up to date first."`
}

// Help is shown by kontor serve --help.
func (serveCommand) Help() string { return app.ConfigHelp }

func (c serveCommand) Run(ctx context.Context, log *slog.Logger) error {
	cfg, err := app.Read(c.Config)
	if err != nil {
		return err
	}
	if c.Migrate {
		if _, err := app.Migrate(ctx, cfg); err != nil {
			return err
		}
	}
	a, err := app.New(ctx, cfg, log)
	if err != nil {
		return err
	}
	fmt.Println("serving:", a.Addresses())
	return a.Run(ctx)
}

type migrateCommand struct{ configured }

func (c migrateCommand) Run(ctx context.Context) error {
	cfg, err := app.Read(c.Config)
	if err != nil {
		return err
	}
	applied, err := app.Migrate(ctx, cfg)
	for _, name := range applied {
		fmt.Println("applied", name)
	}
	if err == nil && len(applied) == 0 {
		fmt.Println("nothing to do: the schema is up to date")
	}
	return err
}

type doctorCommand struct{ configured }

func (c doctorCommand) Run(ctx context.Context) error {
	cfg, err := app.Read(c.Config)
	if err != nil {
		return err
	}
	findings := app.Doctor(ctx, cfg)
	bad := 0
	for _, f := range findings {
		mark := "ok     "
		if !f.OK {
			mark = "MISSING"
			bad++
		}
		fmt.Println(mark, f.Text)
	}
	if bad > 0 {
		return fmt.Errorf("%d of %d findings need attention (MISSING)", bad, len(findings))
	}
	return nil
}

type secretsCommand struct {
	Out string `help:"Folder for them; it is made if it is not there." required:"" placeholder:"DIR" type:"path"`
}

// Help is shown by kontor secrets --help.
func (secretsCommand) Help() string {
	return `Makes keyset.json (seals the banks' tokens), naming.key (names accounts towards third
parties), connector.key (signs calls to banks' connectors) and connector.pub, which the
banks get. What is there already is an error: losing one of them loses what it protects.`
}

func (c secretsCommand) Run() error {
	files, err := app.MakeSecrets(c.Out)
	for _, f := range files {
		fmt.Println("made", f)
	}
	return err
}

type versionCommand struct{}

func (versionCommand) Run() error {
	version := "unknown"
	if info, ok := debug.ReadBuildInfo(); ok {
		version = info.Main.Version
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				version += " " + s.Value
			}
		}
	}
	fmt.Println("kontor", version)
	return nil
}
