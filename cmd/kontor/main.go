// Command kontor is open banking in one program: a hub that many banks offer to third
// parties, the wire to the banks, and a reference bank to try it all with.
package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"

	"kontor/app"
)

type commands struct {
	Tour        tourCommand        `cmd:"" help:"Play a third party, a customer and a bank through every journey, and say what happens."`
	Dev         devCommand         `cmd:"" help:"Start hub and reference banks with test certificates and customers, and stay."`
	Serve       serveCommand       `cmd:"" help:"Serve banks in production shape, as a configuration file says."`
	Bank        bankCommand        `cmd:"" help:"Serve the reference banks alone."`
	Migrate     migrateCommand     `cmd:"" help:"Bring the schema of the configured database up to date."`
	Doctor      doctorCommand      `cmd:"" help:"Say what is configured, what is missing, and what it means."`
	Unsettled   unsettledCommand   `cmd:"" help:"List payments whose fate is unknown, and notifications that were not delivered."`
	Secrets     secretsCommand     `cmd:"" help:"Make the keys and secrets that a configuration names."`
	Cert        certCommands       `cmd:"" help:"Issue test certificates (QWAC, QSealC)."`
	Certificate certificateCommand `cmd:"" help:"Say whether a certificate may be relied upon, by the EU trusted lists, and why."`
	Version     versionCommand     `cmd:"" help:"Print the version."`

	LogLevel slog.Level `help:"Least level of log lines: debug, info, warn or error." default:"warn" env:"KONTOR_LOG_LEVEL"`
	LogJSON  bool       `help:"Write log lines as JSON." env:"KONTOR_LOG_JSON"`
}

func main() {
	var cli commands
	parsed := kong.Parse(&cli, kong.Name("kontor"), kong.Description("Open banking in one binary.\n\nBegin with: kontor tour"), kong.ShortUsageOnError(), kong.Vars{"noticesSince": app.NoticesSince.String()}, kong.ConfigureHelp(kong.HelpOptions{Compact: true}))
	opts := &slog.HandlerOptions{Level: cli.LogLevel}
	if parsed.Command() == "tour" && cli.LogLevel == slog.LevelWarn {
		opts.Level = slog.LevelError // the tour provokes what is warned of, and tells of it itself
	}
	var handler slog.Handler = slog.NewTextHandler(os.Stderr, opts)
	if cli.LogJSON {
		handler = slog.NewJSONHandler(os.Stderr, opts)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second ctrl-C does not wait for what is being finished
	parsed.BindTo(ctx, (*context.Context)(nil))
	if err := parsed.Run(slog.New(handler)); err != nil {
		fmt.Fprintln(os.Stderr, "kontor:", err)
		code := 1
		var own kong.ExitCoder
		if errors.As(err, &own) {
			code = own.ExitCode()
		}
		os.Exit(code)
	}
}
