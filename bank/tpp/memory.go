package tpp

import (
	"sync"
	"time"
)

const (
	// rememberedMax bounds how long a verified chain is relied upon. Verifying costs
	// more than all else that identifies a TPP, so it must not be paid per request.
	rememberedMax = 10 * time.Minute

	// generationMax bounds the memory: two generations of so many certificates. Only
	// certificates with a trusted issuer get in, so nobody can fill it at will.
	generationMax = 1024
)

// memory holds verdicts in two generations. When the younger is full it becomes the
// elder, and what was the elder is forgotten; what is in use moves up again. So it is
// bounded without a list to keep in order and without anything that runs beside.
// The zero value is ready.
type memory struct {
	mu             sync.RWMutex
	younger, elder map[Thumbprint]*verdict
}

// get returns what may be relied upon at now. A clock that was set back finds nothing:
// what held later need not have held earlier.
func (m *memory) get(key Thumbprint, now time.Time) (*verdict, bool) {
	m.mu.RLock()
	v, young := m.younger[key]
	if !young {
		v = m.elder[key]
	}
	m.mu.RUnlock()
	if v == nil || now.Before(v.since) || !now.Before(v.until) {
		return nil, false
	}
	if !young {
		m.put(key, v)
	}
	return v, true
}

func (m *memory) put(key Thumbprint, v *verdict) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, known := m.younger[key]; !known && len(m.younger) >= generationMax || m.younger == nil {
		m.elder, m.younger = m.younger, make(map[Thumbprint]*verdict)
	}
	m.younger[key] = v
}
