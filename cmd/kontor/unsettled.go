package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"time"

	"kontor/app"
)

type unsettledCommand struct {
	configured
	Bank  string        `help:"Only this bank." placeholder:"CODE"`
	Since time.Duration `help:"How far back notifications that were given up are listed." default:"${noticesSince}"`
	JSON  bool          `name:"json" help:"Write JSON."`
}

// Help is shown by kontor unsettled --help.
func (unsettledCommand) Help() string {
	return `Payments whose bank did not say whether it took them, and that it cannot be asked about,
and notifications that third parties did not take. It changes nothing, and may run beside
kontor serve. The exit code is 0 when there is nothing, 2 when there is something, and 1 when
that could not be found out. doc/serve.md says what to do then.`
}

func (c unsettledCommand) Run(ctx context.Context) error {
	cfg, err := app.Read(c.Config)
	if err != nil {
		return err
	}
	found, err := app.FindUnsettled(ctx, cfg, c.Bank, time.Now().Add(-c.Since))
	if err != nil {
		return err
	}
	if c.JSON {
		out := json.NewEncoder(os.Stdout)
		out.SetIndent("", "  ")
		err = out.Encode(found)
	} else {
		_, err = fmt.Print(found)
	}
	if err == nil && !found.IsZero() {
		err = attention{len(found.Payments), len(found.Notifications)}
	}
	return err
}

// attention says that there is something to do, which is no failure of the command.
type attention struct{ payments, notifications int }

func (a attention) Error() string {
	return fmt.Sprintf("of unknown fate: %d payment(s); not delivered: %d notification(s)", a.payments, a.notifications)
}

// ExitCode tells this from a failure.
func (attention) ExitCode() int { return 2 }
