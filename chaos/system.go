package main

import (
	"bufio"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // driver "pgx"
	_ "modernc.org/sqlite"             // driver "sqlite"

	"kontor/ready"
)

// config is that of the hub.
const config = `database: %[1]q
sandbox: true
api: {address: %[2]q, url: 'https://%[2]s', certificate: server.pem, key: server.key}
web: {address: %[3]q, url: 'http://%[3]s'}
seal: {certificate: seal.pem, key: seal.key}
secrets: {keyset: secrets/keyset.json, namingKey: secrets/naming.key, connectorKey: secrets/hub.key}
trust: {anchors: [ca.pem]}
banks:
  - file: lon.yaml
    connector: {url: 'http://%[4]s/lon', appId: app-lon, appSecret: secrets/connector-secret, publicKeys: [secrets/bank.pub], capabilities: [logins, cancellation, payment_status, bulk-payments, periodic-payments]}
apps:
`

// app is one of the apps in it.
const app = "  - {clientId: %q, clientSecret: client-secret-%d, tpp: %q, name: %q, redirectUris: [%q]}\n"

// The log-in before a payment holds for longer than the run. The bank offers every service,
// cancellation and notifications, which those with this profile commonly do not.
const bankFile = `code: lon
name: Lonska banka
profile: bankart
basePath: /psd2/lon
country: SI
bic: LONBSI2X
timezone: Europe/Ljubljana
override:
  oauth: {tokenTTL: 24h}
  consent: {replaceOlder: false}
  payments:
    products: {bulk-payments: [sepa-credit-transfers], periodic-payments: [sepa-credit-transfers]}
    cancellation: authorised
    bulkMax: 100
    executionRules: [following]
  notifications: [SCA, PROCESS, LAST]
`

// A system is the hub and the banks, as processes, and the folder in which they live.
type system struct {
	dir, program string
	breakable    string // the program with a disk that can fail
	ready        ready.Ready
	hub, bank    *process
	api, web, at string // addresses of the hub, and of the bank
	toBank       *wire  // from the hub
	toHub        *wire  // from the bank
	journal      *journal
	hook         *hook

	hubDB, bankDB string // as the programs are told
	schemas       []string
	admin         *sql.DB // PostgreSQL only
}

// newSystem makes a sandbox in dir and starts hub and banks apart.
func newSystem(ctx context.Context, dir string, o options) (_ *system, err error) {
	s := &system{dir: filepath.Join(dir, "data"), program: o.program}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close())
		}
	}()
	at, err := freePorts(5)
	if err != nil {
		return nil, err
	}
	s.api, s.web, s.at = at[0], at[1], at[2]
	if s.ready, err = sandbox(ctx, o.program, s.dir, s.api, s.web, s.at); err != nil {
		return nil, fmt.Errorf("make a sandbox: %w", err)
	}
	if err := s.databases(ctx, o); err != nil {
		return nil, err
	}
	if s.toBank, err = newWire(s.at); err != nil {
		return nil, err
	}
	if s.toHub, err = newWire(s.web); err != nil {
		return nil, err
	}
	file := filepath.Join(s.dir, "hub.yaml")
	s.hub = &process{program: o.program, log: filepath.Join(dir, "hub.log"), says: "serving:",
		args: []string{"--log-level", "warn", "serve", "--config", file}}
	s.bank = &process{program: o.program, log: filepath.Join(dir, "bank.log"), says: "reference banks at"}
	write := func(name, text string) error { return os.WriteFile(filepath.Join(s.dir, name), []byte(text), 0o600) }
	if err := errors.Join(write("lon.yaml", bankFile), s.connect(s.at, s.web)); err != nil {
		return nil, err
	}
	if said, err := exec.CommandContext(ctx, o.program, "migrate", "--config", file).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("kontor migrate: %w\n%s", err, said)
	}
	if s.journal, err = newJournal(filepath.Join(dir, "journal.jsonl")); err != nil {
		return nil, err
	}
	return s, s.start()
}

// connect says under which addresses hub and bank find each other, from their next start on.
func (s *system) connect(bank, hub string) error {
	s.bank.args = []string{"--log-level", "warn", "bank", "--data", s.dir, "--listen", s.at, "--hub", "http://" + hub}
	if s.admin != nil {
		s.bank.args = append(s.bank.args, "--db", s.bankDB)
	}
	text := fmt.Appendf(nil, config, s.hubDB, s.api, s.web, bank)
	for n, t := range s.ready.TPPs {
		if err := os.WriteFile(filepath.Join(s.dir, fmt.Sprintf("client-secret-%d", n)), []byte(t.ClientSecret), 0o600); err != nil {
			return err
		}
		text = fmt.Appendf(text, app, t.ClientID, n, t.OrganizationIdentifier, t.Name, t.RedirectURIs[0])
	}
	return os.WriteFile(filepath.Join(s.dir, "hub.yaml"), text, 0o600)
}

// start starts hub and bank.
func (s *system) start() error { return errors.Join(s.hub.start(), s.bank.start()) }

// sandbox has kontor dev make certificates, keys and customers, and ends it.
func sandbox(ctx context.Context, program, dir, api, web, bank string) (r ready.Ready, err error) {
	file := filepath.Join(filepath.Dir(dir), "ready.json")
	var said strings.Builder
	dev := exec.CommandContext(ctx, program, "dev", "--data", dir, "--api", api, "--web", web, "--web-tls", "127.0.0.1:0", "--bank", bank, "--ready-file", file)
	dev.Stderr = &said
	if err := dev.Start(); err != nil {
		return r, err
	}
	ended := make(chan error, 1)
	go func() { ended <- dev.Wait() }()
	for begun := time.Now(); ; time.Sleep(50 * time.Millisecond) {
		if r, err = ready.Read(file); err == nil {
			break
		}
		select {
		case err := <-ended:
			return r, fmt.Errorf("kontor dev: %v\n%s", err, said.String())
		default:
		}
		if time.Since(begun) > time.Minute {
			err = errors.New("kontor dev did not become ready within a minute")
			break
		}
	}
	return r, errors.Join(err, dev.Process.Signal(os.Interrupt), <-ended)
}

// databases says where hub and banks keep their data: not where kontor dev did.
func (s *system) databases(ctx context.Context, o options) error {
	if o.db == "" {
		s.hubDB, s.bankDB = "sqlite:"+filepath.Join(s.dir, "apart.db"), "sqlite:"+filepath.Join(s.dir, "banks.db")
		return nil
	}
	var err error
	if s.admin, err = sql.Open("pgx", o.db); err != nil {
		return err
	}
	for _, to := range []*string{&s.hubDB, &s.bankDB} {
		name := fmt.Sprintf("chaos_%d_%d_%d", o.seed, os.Getpid(), len(s.schemas))
		if _, err := s.admin.ExecContext(ctx, "CREATE SCHEMA "+name); err != nil {
			return err
		}
		s.schemas = append(s.schemas, name)
		u, err := url.Parse(o.db)
		if err != nil {
			return err
		}
		q := u.Query()
		q.Set("search_path", name)
		u.RawQuery = q.Encode()
		*to = u.String()
	}
	return nil
}

// open opens a database of the programs, to read it only.
func open(dsn string) (*sql.DB, error) {
	if path, ok := strings.CutPrefix(dsn, "sqlite:"); ok {
		return sql.Open("sqlite", "file:"+path+"?mode=ro&_pragma=query_only(1)&_pragma=busy_timeout(5000)")
	}
	u, err := url.Parse(dsn)
	if err != nil {
		return nil, err
	}
	q := u.Query()
	q.Set("default_transaction_read_only", "on")
	u.RawQuery = q.Encode()
	return sql.Open("pgx", u.String())
}

// stop ends hub and banks as an operator does.
func (s *system) stop() error {
	return errors.Join(s.hub.end(), s.bank.end())
}

// close lets go of everything, whatever state it is in.
func (s *system) close() error {
	var errs []error
	for _, p := range []*process{s.hub, s.bank} {
		if p != nil && p.cmd != nil {
			p.kill()
		}
	}
	for _, w := range []*wire{s.toBank, s.toHub} {
		if w != nil {
			errs = append(errs, w.close())
		}
	}
	if s.hook != nil {
		errs = append(errs, s.hook.close())
	}
	if s.journal != nil {
		errs = append(errs, s.journal.close())
	}
	if s.admin != nil {
		for _, name := range s.schemas {
			_, err := s.admin.Exec("DROP SCHEMA " + name + " CASCADE")
			errs = append(errs, err)
		}
		errs = append(errs, s.admin.Close())
	}
	return errors.Join(errs...)
}

// massacre kills processes while l pays.
func (s *system) massacre(ctx context.Context, l *load, o options, r *report) (err error) {
	chance := rand.New(rand.NewPCG(o.seed, 0))
	stop := l.begin(ctx)
	defer func() { stop() }()
	begun, told := time.Now(), 0
	for r.kills < o.kills && (o.within == 0 || time.Since(begun) < o.within) {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(5*time.Millisecond + time.Duration(chance.Int64N(int64(250*time.Millisecond)))):
		}
		victims := []*process{s.hub, s.bank}
		switch n := chance.IntN(10); {
		case n < 5:
			victims = victims[:1]
		case n < 9:
			victims = victims[1:]
		}
		for _, v := range []*process{s.hub, s.bank} {
			select {
			case <-v.ended:
				return fmt.Errorf("kontor %s ended by itself after %d kills: %v; see %s", v.args[2], r.kills, v.how, v.log)
			default:
			}
		}
		for _, v := range victims {
			v.kill()
		}
		// Days do not pass while this runs: now and then the bank comes back on a later one.
		if slices.Contains(victims, s.bank) && chance.IntN(forwardOne) == 0 {
			if err := s.forward(ctx); err != nil {
				return err
			}
		}
		down := time.Now()
		for _, v := range victims {
			if err := v.start(); err != nil {
				return fmt.Errorf("after %d kills: %w", r.kills, err)
			}
			r.kills++
		}
		r.restarts = append(r.restarts, time.Since(down))
		if n := r.kills / 50; n > told {
			told = n
			fmt.Fprintf(os.Stderr, "%d kills after %s\n", r.kills, time.Since(begun).Round(time.Second))
		}
	}
	r.killing = time.Since(begun)
	return nil
}

// A process is a program that is started again and again.
type process struct {
	program string
	args    []string
	log     string // file
	says    string // when it answers
	env     string // added to the environment, where it is not empty
	cmd     *exec.Cmd
	ended   chan struct{} // closed when it has ended
	how     error         // and how, from then on
}

// start returns when the program answers.
func (p *process) start() error {
	log, err := os.OpenFile(p.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	cmd := exec.Command(p.program, p.args...)
	cmd.Stderr = log
	if p.env != "" {
		cmd.Env = append(os.Environ(), p.env)
	}
	// Nothing that is started here outlives this program.
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	said, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	ended := make(chan struct{})
	p.cmd, p.ended, p.how = cmd, ended, nil
	answers := make(chan bool, 2)
	go func() {
		lines := bufio.NewScanner(said)
		for lines.Scan() {
			if strings.HasPrefix(lines.Text(), p.says) {
				answers <- true
			}
		}
		err := cmd.Wait()
		answers <- false
		p.how = err
		close(ended)
	}()
	late := time.AfterFunc(30*time.Second, func() { cmd.Process.Kill() })
	defer late.Stop()
	if <-answers {
		return nil
	}
	<-ended
	return fmt.Errorf("kontor %s does not start: %v; see %s", p.args[2], p.how, p.log)
}

// kill ends the program without a word.
func (p *process) kill() {
	p.cmd.Process.Kill()
	<-p.ended
	p.cmd = nil
}

// end asks the program to end, and waits for it.
func (p *process) end() error {
	cmd := p.cmd
	p.cmd = nil
	late := time.AfterFunc(30*time.Second, func() { cmd.Process.Kill() })
	defer late.Stop()
	err := cmd.Process.Signal(os.Interrupt)
	<-p.ended
	if err := errors.Join(err, p.how); err != nil {
		return fmt.Errorf("the end of kontor %s: %w; see %s", p.args[2], err, p.log)
	}
	return nil
}

// freePorts returns addresses on which nobody listens.
func freePorts(n int) (all []string, err error) {
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer l.Close()
		all = append(all, l.Addr().String())
	}
	return all, nil
}
