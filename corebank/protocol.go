package corebank

import "net/http"

func (b *Bank) connect(c Config) error { b.mount(http.NotFoundHandler()); return nil }
