package main

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"strconv"
)

// newFloor fills a database for the floor and starts the bank behind it.
func newFloor(ctx context.Context, m *machine, dsn string, consents int) (*side, error) {
	ports, err := freePorts(4)
	if err != nil {
		return nil, err
	}
	s := &side{name: "floor", api: ports[0], web: ports[1], metrics: "http://" + ports[2] + "/metrics", bankAddr: ports[3], target: floorTarget(ports[0], consents)}
	args := []string{"-api", ports[0], "-callback", ports[1], "-debug", ports[2], "-bank", "http://" + ports[3], "-db", dsn, "-keys", m.dir}
	fill := exec.CommandContext(ctx, filepath.Join(m.dir, "floor"), append(args, "-seed", strconv.Itoa(consents))...)
	if out, err := fill.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("fill the floor's database: %w\n%s", err, out)
	}
	s.run = func() (*process, error) { return m.start(ctx, "floor", "floor", args...) }
	return s, s.startBank(ctx, m, "http://"+ports[1])
}
