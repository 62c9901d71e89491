package page

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strconv"
	"strings"
)

// assets are the files that pages refer to, under names that change with their content.
type assets struct {
	hashed map[string]string // kontor.css → kontor.1f2e3d4c5b6a.css
	files  map[string]asset  // by hashed name
}

type asset struct {
	kind         string
	plain, small []byte // small is gzip
}

func readAssets(folder fs.FS) (*assets, error) {
	a := &assets{hashed: map[string]string{}, files: map[string]asset{}}
	names, err := fs.Glob(folder, "*")
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		plain, err := fs.ReadFile(folder, name)
		if err != nil {
			return nil, err
		}
		var small bytes.Buffer
		z := gzip.NewWriter(&small)
		if _, err := z.Write(plain); err != nil {
			return nil, err
		}
		if err := z.Close(); err != nil {
			return nil, err
		}
		sum := sha256.Sum256(plain)
		ext := path.Ext(name)
		a.hashed[name] = strings.TrimSuffix(name, ext) + "." + hex.EncodeToString(sum[:6]) + ext
		a.files[a.hashed[name]] = asset{mime.TypeByExtension(ext), plain, small.Bytes()}
	}
	return a, nil
}

// url is called by templates: a page that names a file that is not there must not be shown.
func (a *assets) url(name string) (string, error) {
	hashed, ok := a.hashed[name]
	if !ok {
		return "", fmt.Errorf("there is no asset %s", name)
	}
	return "/assets/" + hashed, nil
}

func (f asset) serve(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	Secure(h)
	h.Set("Content-Type", f.kind)
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	h.Set("Vary", "Accept-Encoding")
	body := f.plain
	if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		h.Set("Content-Encoding", "gzip")
		body = f.small
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	if r.Method != http.MethodHead {
		w.Write(body)
	}
}
