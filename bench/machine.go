package main

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"syscall"
	"time"

	"kontor/bench/load"
	"kontor/bench/seed"
	"kontor/kit/eidas"
)

// A machine is what both sides share: a folder with keys and programs, and the TPP.
type machine struct {
	dir    string
	client *tls.Config
	tpp    eidas.Issued
	signer *rsa.PrivateKey // signs for the hub
}

// newMachine makes keys and certificates, and builds the programs.
func newMachine(ctx context.Context, dir string, programs ...string) (*machine, error) {
	ca, err := eidas.NewCA("Kontor bench", time.Now(), nil)
	if err != nil {
		return nil, err
	}
	m := &machine{dir: dir}
	if m.tpp, err = ca.Issue(eidas.Request{Kind: eidas.QWAC, Organization: seed.TPPName, OrganizationIdentifier: seed.TPP,
		Roles: []eidas.Role{eidas.AI, eidas.PI, eidas.IC}, DNSNames: []string{seed.TPPDomain}}); err != nil {
		return nil, err
	}
	if _, _, err := m.tpp.Save(dir, "tpp"); err != nil {
		return nil, err
	}
	server, err := ca.IssueServer([]string{"localhost"}, []net.IP{net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return nil, err
	}
	if _, _, err := server.Save(dir, "server"); err != nil {
		return nil, err
	}
	root := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: ca.Root.Raw})
	if err := os.WriteFile(filepath.Join(dir, "ca.pem"), root, 0o644); err != nil {
		return nil, err
	}
	for _, name := range []string{"bank", "hub"} {
		if m.signer, err = writeKeys(filepath.Join(dir, name), 2048); err != nil {
			return nil, err
		}
	}
	m.client = &tls.Config{RootCAs: ca.Roots(), ServerName: "localhost", Certificates: []tls.Certificate{m.tpp.TLS()}, NextProtos: []string{"http/1.1"}}
	if len(programs) == 0 {
		return m, nil
	}
	build := exec.CommandContext(ctx, "go", append([]string{"build", "-ldflags=-s -w", "-o", dir + "/"}, programs...)...)
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("build %v: %w\n%s", programs, err, out)
	}
	return m, nil
}

// writeKeys makes name.key and name.pub. Between hub and bank 2048 bits are the least that is allowed.
func writeKeys(name string, bits int) (*rsa.PrivateKey, error) {
	key, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		return nil, err
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	public, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		return nil, err
	}
	return key, errors.Join(os.WriteFile(name+".key", pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}), 0o600),
		os.WriteFile(name+".pub", pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public}), 0o644))
}

// signature returns the processor time of one signature when every processor is busy.
func (m *machine) signature() (time.Duration, error) {
	const each = 6
	workers := runtime.GOMAXPROCS(0)
	before, err := load.CPU(os.Getpid())
	if err != nil {
		return 0, err
	}
	var all sync.WaitGroup
	errs := make([]error, workers)
	for w := range workers {
		all.Go(func() {
			digest := sha256.Sum256([]byte{byte(w)})
			for range each {
				if _, err := rsa.SignPKCS1v15(nil, m.signer, crypto.SHA256, digest[:]); err != nil {
					errs[w] = err
				}
			}
		})
	}
	all.Wait()
	after, err := load.CPU(os.Getpid())
	return (after - before) / time.Duration(each*workers), errors.Join(append(errs, err)...)
}

// size returns the size of a program in bytes.
func (m *machine) size(program string) int64 {
	info, err := os.Stat(filepath.Join(m.dir, program))
	if err != nil {
		return 0
	}
	return info.Size()
}

// freePorts returns addresses on which nobody listens. Another process could take one
// before it is used; the run would then fail at once, and not measure anything else.
func freePorts(n int) ([]string, error) {
	var addrs []string
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer l.Close()
		addrs = append(addrs, l.Addr().String())
	}
	return addrs, nil
}

// A process is a started program.
type process struct {
	cmd *exec.Cmd
	log string
	end chan struct{}
}

// start runs a program of the machine's folder; its output goes to a file there.
func (m *machine) start(ctx context.Context, name, program string, args ...string) (*process, error) {
	p := &process{log: filepath.Join(m.dir, name+".log"), end: make(chan struct{})}
	out, err := os.OpenFile(p.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer out.Close()
	p.cmd = exec.CommandContext(ctx, filepath.Join(m.dir, program), args...)
	p.cmd.Dir, p.cmd.Stdout, p.cmd.Stderr = m.dir, out, out
	p.cmd.Cancel = func() error { return p.cmd.Process.Signal(syscall.SIGTERM) }
	p.cmd.WaitDelay = 5 * time.Second
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		p.cmd.Wait()
		close(p.end)
	}()
	return p, nil
}

// stop ends the process and waits for its end.
func (p *process) stop() {
	p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.end:
	case <-time.After(5 * time.Second):
		p.cmd.Process.Kill()
		<-p.end
	}
}

// tail returns the last lines the process wrote.
func (p *process) tail() string {
	data, err := os.ReadFile(p.log)
	if err != nil {
		return err.Error()
	}
	lines := bytes.Split(bytes.TrimSpace(data), []byte("\n"))
	return string(bytes.Join(lines[max(0, len(lines)-15):], []byte("\n")))
}

// A side is one of the two that are compared, with the bank behind it.
type side struct {
	name    string
	api     string // TLS address
	web     string // address for browsers
	metrics string // URL
	target  target
	run     func() (*process, error)
	backend func() ([]int, error) // processes of the database, nil when it is in the server

	server, bank *process
	bankAddr     string
	ready        time.Duration // from start to the first answer
	idle         int64         // resident set before the load
}

// up starts the server several times, for the median time it takes.
func (s *side) up(m *machine, times int) error {
	var took []time.Duration
	for i := range times {
		begin := time.Now()
		var err error
		if s.server, err = s.run(); err != nil {
			return err
		}
		if err := s.answers(m); err != nil {
			return fmt.Errorf("%s does not answer: %w\n%s", s.name, err, s.server.tail())
		}
		took = append(took, time.Since(begin))
		if i < times-1 {
			s.server.stop()
		}
	}
	slices.Sort(took)
	s.ready = took[len(took)/2]
	time.Sleep(200 * time.Millisecond)
	var err error
	s.idle, err = load.Memory(s.server.cmd.Process.Pid)
	return err
}

// down ends the server and its bank.
func (s *side) down() {
	if s.server != nil {
		s.server.stop()
	}
	if s.bank != nil {
		s.bank.stop()
	}
}

// answers waits until the server has answered a request, with whatever status.
func (s *side) answers(m *machine) error {
	deadline := time.Now().Add(20 * time.Second)
	for {
		err := s.answer(m)
		if err == nil || time.Now().After(deadline) {
			return err
		}
		select {
		case <-s.server.end:
			return errors.New("it has ended")
		case <-time.After(time.Millisecond):
		}
	}
}

func (s *side) answer(m *machine) error {
	conn, err := tls.Dial("tcp", s.api, m.client)
	if err != nil {
		return err
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(5 * time.Second))
	if _, err := fmt.Fprintf(conn, "GET %s/accounts HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", s.target.base); err != nil {
		return err
	}
	_, err = conn.Read(make([]byte, 512))
	return err
}

// cpu returns the processor time of the server and of its part of the database.
func (s *side) cpu() (server, database time.Duration, err error) {
	if server, err = load.CPU(s.server.cmd.Process.Pid); err != nil || s.backend == nil {
		return server, 0, err
	}
	pids, err := s.backend()
	if err != nil {
		return 0, 0, err
	}
	database, err = load.CPU(pids...)
	return server, database, err
}

// startBank starts the bank of a side, which calls back to hub.
func (s *side) startBank(ctx context.Context, m *machine, hub string) (err error) {
	s.bank, err = m.start(ctx, s.name+"-core", "core", "-addr", s.bankAddr, "-hub", hub, "-key", m.dir+"/bank.key", "-hub-key", m.dir+"/hub.pub")
	if err != nil {
		return err
	}
	// The server may be asked as soon as it answers, and asks the bank then.
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		conn, err := net.Dial("tcp", s.bankAddr)
		if err == nil {
			return conn.Close()
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("the bank of the %s does not answer: %w\n%s", s.name, err, s.bank.tail())
		}
	}
}
