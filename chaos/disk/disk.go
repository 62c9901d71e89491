// Package disk lets the disk under SQLite fail, in a program that is built for a test.
//
// It takes the place of the functions by which SQLite opens, writes and syncs files, counts
// what they are asked for, and at the n-th request does what Fault says: it ends the process
// there with SIGKILL, before the request, after it, or in the middle of a write; or it
// refuses the request as the system does when a device is broken or full. What was written
// and not synced before stays, as the system keeps it: this is the death of a process, and
// no loss of power.
//
// No program of the house imports it. The chaos adds one file to cmd/kontor while it builds
// (go build -overlay), which calls Break: the code that is tested has no hook of its own.
package disk

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"unsafe"

	"modernc.org/libc"
	sqlite3 "modernc.org/sqlite/lib"
)

// Variable of the environment that says what is to fail. It holds a kind and, but for Full,
// the number of the request: "torn 17". Requests are counted from the start of the process.
const Variable = "KONTOR_DISK"

// Kinds of failure.
const (
	Before = "before" // the process ends instead of the request
	After  = "after"  // it ends when the request is done
	Torn   = "torn"   // it ends when half of a write is done
	Broken = "broken" // the request is refused: the device is broken. The next one is not
	Full   = "full"   // writes are refused as long as there is a file of the name that follows
)

// A Layer is what stands between SQLite and the system.
type Layer struct {
	kind string
	at   int64
	file string

	count atomic.Int64
	open  uintptr // the system's

	mu      sync.Mutex
	methods map[uintptr]*sqlite3.Tsqlite3_io_methods // ours, by the system's
	system  map[uintptr]sqlite3.Tsqlite3_io_methods  // the system's, by ours
	kept    []any                                    // functions: SQLite's memory holds nothing in Go's
}

// Break lets the disk fail as the environment says. It must be called before a database is
// opened, and what it returns must be kept: SQLite calls it, and the collector of garbage
// does not see that.
func Break() *Layer {
	l := &Layer{methods: map[uintptr]*sqlite3.Tsqlite3_io_methods{}, system: map[uintptr]sqlite3.Tsqlite3_io_methods{}}
	kind, what, _ := strings.Cut(os.Getenv(Variable), " ")
	if l.kind = kind; kind == "" {
		return nil
	}
	if l.file = what; kind != Full {
		if _, err := fmt.Sscan(what, &l.at); err != nil {
			panic(fmt.Sprintf("%s: %v", Variable, err))
		}
	}
	tls := libc.NewTLS()
	sqlite3.Xsqlite3_initialize(tls)
	vfs := at[sqlite3.Tsqlite3_vfs](sqlite3.Xsqlite3_vfs_find(tls, 0))
	l.open, vfs.FxOpen = vfs.FxOpen, l.address(l.xOpen)
	return l
}

// at is the value at an address that SQLite gave. It does not move: SQLite's memory is its own.
func at[T any](p uintptr) *T { return *(**T)(unsafe.Pointer(&p)) }

// address is how SQLite calls a function, which is kept for that.
func (l *Layer) address(f any) uintptr {
	l.kept = append(l.kept, f)
	return (*[2]uintptr)(unsafe.Pointer(&f))[1]
}

// call is the function at an address.
func call[F any](p *uintptr) F { return *(*F)(unsafe.Pointer(p)) }

type (
	opening    = func(*libc.TLS, uintptr, uintptr, uintptr, int32, uintptr) int32
	writing    = func(*libc.TLS, uintptr, uintptr, int32, int64) int32
	truncating = func(*libc.TLS, uintptr, int64) int32
	syncing    = func(*libc.TLS, uintptr, int32) int32
)

func (l *Layer) xOpen(tls *libc.TLS, vfs, name, file uintptr, flags int32, out uintptr) int32 {
	status := call[opening](&l.open)(tls, vfs, name, file, flags, out)
	if f := at[sqlite3.Tsqlite3_file](file); status == sqlite3.SQLITE_OK && f.FpMethods != 0 {
		f.FpMethods = l.ours(f.FpMethods)
	}
	return status
}

// ours are the methods that take the place of others.
func (l *Layer) ours(system uintptr) uintptr {
	l.mu.Lock()
	defer l.mu.Unlock()
	m := l.methods[system]
	if m == nil {
		m = new(sqlite3.Tsqlite3_io_methods)
		*m = *at[sqlite3.Tsqlite3_io_methods](system)
		l.system[uintptr(unsafe.Pointer(m))] = *m
		m.FxWrite, m.FxTruncate, m.FxSync = l.address(l.xWrite), l.address(l.xTruncate), l.address(l.xSync)
		l.methods[system] = m // which keeps it where it is
	}
	return uintptr(unsafe.Pointer(m))
}

func (l *Layer) of(file uintptr) sqlite3.Tsqlite3_io_methods {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.system[at[sqlite3.Tsqlite3_file](file).FpMethods]
}

func (l *Layer) xWrite(tls *libc.TLS, file, from uintptr, n int32, offset int64) int32 {
	m := l.of(file)
	write := call[writing](&m.FxWrite)
	return l.request(sqlite3.SQLITE_IOERR_WRITE,
		func() int32 { return write(tls, file, from, n/2, offset) },
		func() int32 { return write(tls, file, from, n, offset) })
}

func (l *Layer) xTruncate(tls *libc.TLS, file uintptr, size int64) int32 {
	m := l.of(file)
	return l.request(sqlite3.SQLITE_IOERR_TRUNCATE, nil, func() int32 { return call[truncating](&m.FxTruncate)(tls, file, size) })
}

func (l *Layer) xSync(tls *libc.TLS, file uintptr, flags int32) int32 {
	m := l.of(file)
	return l.request(sqlite3.SQLITE_IOERR_FSYNC, nil, func() int32 { return call[syncing](&m.FxSync)(tls, file, flags) })
}

// request does whole, or fails. half is what is left of it in the middle; nil: nothing.
func (l *Layer) request(broken int32, half, whole func() int32) int32 {
	if l.kind == Full {
		if _, err := os.Stat(l.file); err == nil && half != nil {
			return sqlite3.SQLITE_FULL
		}
		return whole()
	}
	if l.count.Add(1) != l.at {
		return whole()
	}
	switch l.kind {
	case Broken:
		return broken
	case After:
		whole()
	case Torn:
		if half != nil {
			half()
		}
	}
	_ = syscall.Kill(os.Getpid(), syscall.SIGKILL) // of oneself: it cannot be refused
	select {}
}
