// Package web holds what browsers are shown: page templates, their texts in every language,
// and a style sheet. Everything is in the binary; there is no build step.
//
// Pages work without JavaScript and load nothing from elsewhere. A text stands in text/,
// never in a template, so that a page can be read in another language when its file is there.
package web

import (
	"embed"
	"io/fs"
)

//go:embed assets templates text
var files embed.FS

// Assets are the files that a page refers to by name.
func Assets() fs.FS { return sub("assets") }

// Templates are the pages and their shell.
func Templates() fs.FS { return sub("templates") }

// Text is the folder of the catalogue.
func Text() fs.FS { return sub("text") }

func sub(folder string) fs.FS {
	f, err := fs.Sub(files, folder)
	if err != nil {
		panic(err) // the name is a constant, and the folder is in the binary
	}
	return f
}
