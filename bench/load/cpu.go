package load

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// CPU returns the processor time of all threads of the processes. A process that has ended
// counts nothing, so take the difference of two calls over living processes only.
//
// Source: Linux, /proc/PID/task/TID/schedstat; it counts nanoseconds, where /proc/PID/stat
// counts hundredths of a second, too coarse for a slice.
func CPU(pids ...int) (time.Duration, error) {
	var total time.Duration
	for _, pid := range pids {
		files, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
		if err != nil {
			return 0, err
		}
		for _, name := range files {
			data, err := os.ReadFile(name)
			if err != nil {
				continue // the thread ended
			}
			field, _, _ := strings.Cut(string(data), " ")
			ns, err := strconv.ParseInt(field, 10, 64)
			if err != nil {
				return 0, fmt.Errorf("%s: %w", name, err)
			}
			total += time.Duration(ns)
		}
	}
	return total, nil
}

// Memory returns the resident set of a process in bytes.
func Memory(pid int) (int64, error) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	_, rest, _ := strings.Cut(string(data), "VmRSS:")
	line, _, _ := strings.Cut(rest, " kB")
	kb, err := strconv.ParseInt(strings.TrimSpace(line), 10, 64)
	return kb << 10, err
}

// Allocations reads how many objects a server has allocated, from its Prometheus metrics.
func Allocations(url string) (float64, error) {
	answer, err := http.Get(url)
	if err != nil {
		return 0, err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(io.LimitReader(answer.Body, 4<<20))
	if err != nil {
		return 0, err
	}
	_, rest, found := strings.Cut("\n"+string(body), "\ngo_memstats_mallocs_total ")
	if !found {
		return 0, fmt.Errorf("%s has no go_memstats_mallocs_total", url)
	}
	line, _, _ := strings.Cut(rest, "\n")
	return strconv.ParseFloat(line, 64)
}
