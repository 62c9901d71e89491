package app_test

import (
	"runtime"
	"strings"
	"testing"
	"time"
)

// goroutines returns the stacks of all goroutines but the caller's, by their heads.
func goroutines() map[string]string {
	buf := make([]byte, 4<<20)
	buf = buf[:runtime.Stack(buf, true)]
	all := map[string]string{}
	for i, stack := range strings.Split(string(buf), "\n\n") {
		head, _, _ := strings.Cut(stack, " [")
		if i > 0 && head != "" {
			all[head] = stack
		}
	}
	return all
}

// leaves checks that every goroutine that was not there before ends. Connections that a
// test's own client keeps end by themselves.
func leaves(t *testing.T, before map[string]string) {
	t.Helper()
	var left []string
	for range 100 {
		left = nil
		for head, stack := range goroutines() {
			if _, was := before[head]; !was && !strings.Contains(stack, "net/http.(*persistConn)") {
				left = append(left, stack)
			}
		}
		if len(left) == 0 {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Errorf("%d goroutines are left behind:\n%s", len(left), strings.Join(left, "\n\n"))
}
