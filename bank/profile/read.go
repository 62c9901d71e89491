package profile

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"time"
	_ "time/tzdata" // a bank's zone must be known on a machine without zone files

	"gopkg.in/yaml.v3"
)

// Callers tell these apart with errors.Is.
var (
	ErrUnknown = errors.New("profile unknown") // no built-in profile has this name
	ErrFormat  = errors.New("file cannot be read")
	ErrSetting = errors.New("setting refused") // understood, but not possible or contradictory
)

//go:embed builtin/*.yaml
var builtin embed.FS

// Builtin names the built-in profiles.
func Builtin() []string {
	entries, _ := builtin.ReadDir("builtin") // sorted by name; the folder is in the binary
	var names []string
	for _, e := range entries {
		names = append(names, strings.TrimSuffix(e.Name(), ".yaml"))
	}
	return names
}

// Source returns the file of a built-in profile with its comments: the page that documents
// every switch is that of standard.
func Source(name string) ([]byte, error) {
	if !slices.Contains(Builtin(), name) {
		return nil, fmt.Errorf("%w: %q; there are %s", ErrUnknown, name, strings.Join(Builtin(), ", "))
	}
	return builtin.ReadFile("builtin/" + name + ".yaml")
}

// Load returns a built-in profile.
func Load(name string) (Profile, error) {
	var p Profile
	file, err := Source(name)
	if err != nil {
		return p, err
	}
	if err := decode(file, &p); err != nil {
		return p, err
	}
	return p, p.Validate()
}

// A bankFile is what stands in the file of a bank.
type bankFile struct {
	Code     string   `yaml:"code"`
	Name     string   `yaml:"name"`
	BIC      string   `yaml:"bic"`
	Country  string   `yaml:"country"`
	BasePath string   `yaml:"basePath"`
	Timezone string   `yaml:"timezone"`
	Profile  string   `yaml:"profile"`
	Override *Profile `yaml:"override"`
}

// ParseBank reads a bank's file: code, name, bic, country, basePath, timezone, the name of a
// profile, and under override the switches in which the bank differs from it. A list is
// replaced as a whole; of products, each payment service is.
//
// Everything that is wrong with the file is in the error, at once.
func ParseBank(file []byte) (Bank, error) {
	// The name of the profile comes first: the file is then read over a copy of that profile,
	// so that what it does not mention stays.
	var named struct {
		Profile string `yaml:"profile"`
	}
	_ = yaml.Unmarshal(file, &named) // complained of below
	p, unknown := Load(named.Profile)

	f := bankFile{Override: &p}
	malformed := decode(file, &f)
	if f.Override == nil { // "override:" with nothing below it
		f.Override = &p
	}
	b := Bank{
		Code: f.Code, Name: f.Name, BIC: f.BIC, Country: f.Country, BasePath: f.BasePath,
		ProfileName: f.Profile, Profile: *f.Override,
	}
	var where error
	if b.Zone, where = zone(f.Timezone); where != nil {
		where = refuse("timezone", "%v", where)
	}
	switch {
	case malformed != nil: // judging values that were not read would mislead
		return b, errors.Join(malformed, unknown)
	case unknown != nil:
		return b, errors.Join(unknown, b.validatePlace(), where)
	}
	return b, errors.Join(b.Validate(), where)
}

func zone(name string) (*time.Location, error) {
	if name == "" || name == "Local" {
		return time.UTC, errors.New("name the zone of the bank's calendar, such as Europe/Ljubljana")
	}
	z, err := time.LoadLocation(name)
	if err != nil {
		return time.UTC, fmt.Errorf("%q is not a time zone", name)
	}
	return z, nil
}

// decode reads one YAML document strictly into to.
func decode(file []byte, to any) error {
	d := yaml.NewDecoder(bytes.NewReader(file))
	d.KnownFields(true)
	err := d.Decode(to)
	var wrong *yaml.TypeError
	switch {
	case err == nil:
		var more yaml.Node
		if err := d.Decode(&more); !errors.Is(err, io.EOF) {
			return fmt.Errorf("%w: it must hold one document", ErrFormat)
		}
		return nil
	case errors.Is(err, io.EOF):
		return fmt.Errorf("%w: it is empty", ErrFormat)
	case errors.As(err, &wrong):
		var all []error
		for _, message := range wrong.Errors {
			all = append(all, fmt.Errorf("%w: %s", ErrFormat, plain(message)))
		}
		return errors.Join(all...)
	}
	return fmt.Errorf("%w: %s", ErrFormat, strings.TrimPrefix(err.Error(), "yaml: "))
}

var (
	unknownField = regexp.MustCompile(`^(line \d+): field (\S+) not found in type .*$`)
	wrongType    = regexp.MustCompile("^(line \\d+): cannot unmarshal !!(\\w+)(?: `(.*)`)? into (.*)$")
)

// plain turns a message about Go types into one about the file.
func plain(message string) string {
	if m := unknownField.FindStringSubmatch(message); m != nil {
		return fmt.Sprintf("%s: there is no setting %q here", m[1], m[2])
	}
	if m := wrongType.FindStringSubmatch(message); m != nil {
		wants := "one word"
		switch {
		case m[4] == "bool":
			wants = "true or false"
		case m[4] == "int":
			wants = "a whole number"
		case m[4] == "time.Duration":
			wants = "a duration such as 90s, 5m or 24h"
		case strings.HasPrefix(m[4], "[]"):
			wants = "a list"
		case m[2] != "map" && m[2] != "seq":
			wants = "a group of settings"
		}
		if m[3] == "" {
			return fmt.Sprintf("%s: this must be %s", m[1], wants)
		}
		return fmt.Sprintf("%s: %q must be %s", m[1], m[3], wants)
	}
	return message
}
