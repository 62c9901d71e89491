package app_test

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"kontor/app"
	"kontor/kit/eidas"
)

// good is a configuration in which nothing is wrong, with everything it names.
func good(t *testing.T) (dir, text string) {
	t.Helper()
	dir = t.TempDir()
	if _, err := app.MakeSecrets(dir); err != nil {
		t.Fatal(err)
	}
	ca, err := eidas.NewCA("Test", time.Now(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := ca.Save(dir); err != nil {
		t.Fatal(err)
	}
	issued, err := ca.IssueServer([]string{"localhost"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := issued.Save(dir, "server"); err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{
		"lon.yaml":   "{code: lon, name: Lonska banka, profile: bankart, basePath: /psd2/lon, bic: LONBSI2X, country: SI, timezone: Europe/Ljubljana}",
		"salt.yaml":  "{code: salt, name: Banca Salina, profile: salt, basePath: /salt, bic: SALNROBU, country: RO, timezone: Europe/Bucharest}",
		"nol.yaml":   "{code: nol, name: Nolska banka, profile: salt, basePath: /psd2, bic: NOLBSI2X, country: SI, timezone: Europe/Ljubljana}",
		"code.yaml":  "{code: code, name: Kodna banka, profile: bankart, basePath: /code, bic: KODBSI2X, country: SI, timezone: Europe/Ljubljana, override: {scaConfirmation: {mode: code}}}",
		"secret":     "a-secret-of-the-connector",
		"app-secret": "0123456789abcdef0123456789abcdef\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir, `database: sqlite:hub.db
sandbox: true
api: {address: '127.0.0.1:0', url: 'https://api.example', certificate: server.pem, key: server.key}
web: {address: '127.0.0.1:0', url: 'https://open.example'}
secrets: {keyset: keyset.json, namingKey: naming.key, connectorKey: connector.key}
trust: {anchors: [ca.pem]}
banks:
  - file: lon.yaml
    connector: {url: 'http://127.0.0.1:1/lon', appId: lon, appSecret: secret, publicKeys: [connector.pub], capabilities: [logins]}
  - file: salt.yaml
    connector: {url: 'http://127.0.0.1:1/salt', appId: salt, appSecret: secret, publicKeys: [connector.pub], capabilities: [standing_orders]}
apps:
  - {clientId: sava, clientSecret: app-secret, tpp: PSDSI-BS-1234567, name: Sava, redirectUris: ['https://sava.example/cb']}
`
}

// try migrates and builds a hub from text, and says what was wrong.
func try(t *testing.T, dir, text string) string {
	t.Helper()
	file := filepath.Join(dir, "kontor.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, err := app.Read(file)
	if err != nil {
		return err.Error()
	}
	_, migrating := app.Migrate(t.Context(), cfg)
	hub, err := app.New(t.Context(), cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		return err.Error()
	}
	if migrating != nil {
		t.Errorf("it starts, but could not be migrated: %v", migrating)
	}
	if err := hub.Close(); err != nil {
		t.Error(err)
	}
	return ""
}

func TestConfig(t *testing.T) {
	t.Parallel()
	dir, text := good(t)
	for _, tt := range []struct{ name, old, new, says string }{
		{"nothing is wrong", "", "", ""},
		{"there is no database", "database: sqlite:hub.db", "", "database: is missing"},
		{"a database of another make", "sqlite:hub.db", "mysql:hub", "database: must be sqlite:FILE"},
		{"a database in a variable that is empty", "sqlite:hub.db", "env:KONTOR_TEST_NOTHING", "environment variable KONTOR_TEST_NOTHING is empty"},
		{"a misspelt switch", "sandbox: true", "sandbocks: true", `there is no setting "sandbocks" here`},
		{"an address without a port", "api: {address: '127.0.0.1:0'", "api: {address: '127.0.0.1'", "api.address: \"127.0.0.1\" must be an address"},
		{"no address", "web: {address: '127.0.0.1:0', url: 'https://open.example'}", "web: {}", "web.address: is missing"},
		{"a URL with a query", "https://open.example", "https://open.example?x=1", "web.url"},
		{"a URL with a password", "https://open.example", "https://u:p@open.example", "web.url"},
		{"an API without TLS", "https://api.example", "http://api.example", "api.url: \"http://api.example\" must begin with https://"},
		{"an API without a certificate", ", certificate: server.pem, key: server.key", "", "api: certificate and key are needed"},
		{"a certificate that is none", "certificate: server.pem", "certificate: secret", "api.certificate: "},
		{"the key of another certificate", "key: server.key", "key: connector.key", "api.certificate: "},
		{"a certificate where no TLS is spoken", "url: 'https://open.example'", "url: 'https://open.example', certificate: server.pem", "web: does not speak TLS"},
		{"two listeners at one address", "sandbox: true", "sandbox: true\nmetrics: '127.0.0.1:8443'\nwebTLS: {address: '127.0.0.1:8443', certificate: server.pem, key: server.key}", "metrics: webTLS.address listens on 127.0.0.1:8443 already"},
		{"no keyset", "keyset: keyset.json, ", "", "secrets.keyset: is missing"},
		{"a keyset that is none", "keyset: keyset.json", "keyset: secret", "secrets.keyset: "},
		{"a naming key that is short", "namingKey: naming.key", "namingKey: secret", "secrets.namingKey: is shorter than 32 bytes"},
		{"a connector key that is none", "connectorKey: connector.key", "connectorKey: secret", "secrets.connectorKey: "},
		{"no anchors", "anchors: [ca.pem]", "anchors: []", "trust.anchors: without one"},
		{"anchors that are not there", "anchors: [ca.pem]", "anchors: [none.pem]", "trust.anchors: none.pem: cannot be read"},
		{"an intermediate that is not there", "anchors: [ca.pem]", "anchors: [ca.pem], intermediates: [none.pem]", "trust.intermediates: none.pem: cannot be read"},
		{"a sandbox's anchors in production", "sandbox: true", "sandbox: false", "trust.anchors: ca.pem: is of a sandbox"},
		{"no bank", text[strings.Index(text, "banks:"):], "", "banks: there is none"},
		{"a bank twice", "salt.yaml", "lon.yaml", "bank lon: stands twice"},
		{"a bank inside another", "salt.yaml", "nol.yaml", "bank nol: basePath /psd2 and that of lon, /psd2/lon, overlap"},
		{"a bank's file that is not there", "salt.yaml", "none.yaml", "banks[1].file: none.yaml: cannot be read"},
		{"a bank without a file", "file: salt.yaml", "file: ''", "banks[1].file: is missing"},
		{"two banks that report as one", "appId: salt", "appId: lon", "bank salt: connector.appId: is that of lon"},
		{"a connector's URL that is none", "http://127.0.0.1:1/salt", "127.0.0.1/salt", "bank salt: connector.url"},
		{"a connector without keys", "publicKeys: [connector.pub], capabilities: [standing_orders]}", "publicKeys: []}", "bank salt: connector.publicKeys: without one"},
		{"a connector's key that is none", "publicKeys: [connector.pub], capabilities: [standing_orders]}", "publicKeys: [secret]}", "bank salt: connector.publicKeys: secret"},
		{"a connector's secret that is not there", "appId: salt, appSecret: secret", "appId: salt, appSecret: none", "bank salt: connector.appSecret: none: cannot be read"},
		{"a log-in that no connector offers", ", capabilities: [logins]", "", `bank lon: its profile needs a log-in`},
		{"standing orders that no connector tells", ", capabilities: [standing_orders]", "", `bank salt: its profile offers what its connector does not: declare the capability "standing_orders"`},
		{"codes that confirm, and a bank that would not wait for them", "salt.yaml", "code.yaml", `bank code: its profile offers what its connector does not: declare the capability "confirmation"`},
		{"a capability that nobody knows", "[standing_orders]", "[standing_orders, standing-orders]", `bank salt: there is no capability "standing-orders"`},
		{"an app twice", "apps:", "apps:\n  - {clientId: sava, clientSecret: app-secret, tpp: PSDSI-BS-1, name: Sava, redirectUris: ['https://sava.example/cb']}", "app sava: stands twice"},
		{"an app without a name", "name: Sava, ", "", "app sava: name: is missing"},
		{"an app whose secret could be guessed", "clientSecret: app-secret", "clientSecret: secret", "app sava: client secret must have 32"},
		{"an app that returns to a script", "https://sava.example/cb", "javascript:alert(1)", "app sava: redirect URI"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			changed := text
			if tt.old != "" {
				if changed = strings.Replace(text, tt.old, tt.new, 1); changed == text {
					t.Fatal("nothing was changed")
				}
			}
			got := try(t, dir, changed)
			if !strings.Contains(got, tt.says) || (got == "") != (tt.says == "") {
				t.Errorf("got %q, want %q", got, tt.says)
			}
		})
	}
}

func TestAllThatIsWrongIsSaidAtOnce(t *testing.T) {
	t.Parallel()
	dir, text := good(t)
	text = strings.NewReplacer("keyset: keyset.json", "keyset: none", "ca.pem", "none.pem", "salt.yaml", "none.yaml", "clientSecret: app-secret", "clientSecret: none",
		"certificate: server.pem", "certificate: none.pem", "sandbox: true", "sandbocks: true").Replace(text)
	got := try(t, dir, text)
	for _, want := range []string{"sandbocks", "secrets.keyset: none", "trust.anchors: none.pem", "none.yaml", "app sava: clientSecret", "api.certificate"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is not said in:\n%s", want, got)
		}
	}
}

// Secrets come from files or from the environment, and a plain one is no secret.
func TestSecretsComeFromFilesAndEnvironment(t *testing.T) {
	dir, text := good(t)
	key, err := os.ReadFile(filepath.Join(dir, "connector.key"))
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("KONTOR_TEST_KEY", string(key))
	t.Setenv("KONTOR_TEST_NAMING", strings.Repeat("n", 32))
	t.Setenv("KONTOR_TEST_DB", "sqlite:"+filepath.Join(dir, "other.db"))
	text = strings.NewReplacer("connectorKey: connector.key", "connectorKey: env:KONTOR_TEST_KEY", "namingKey: naming.key", "namingKey: env:KONTOR_TEST_NAMING",
		"sqlite:hub.db", "env:KONTOR_TEST_DB").Replace(text)
	if got := try(t, dir, text); got != "" {
		t.Errorf("from the environment: %s", got)
	}
	if _, err := os.Stat(filepath.Join(dir, "other.db")); err != nil {
		t.Error(err)
	}
	production := strings.NewReplacer("sandbox: true", "sandbox: false", "clientSecret: app-secret", "clientSecret: 'plain:0123456789abcdef0123456789abcdef'").Replace(text)
	if got := try(t, dir, production); !strings.Contains(got, "app sava: clientSecret: plain:") {
		t.Errorf("a secret that stands in the file of production is taken: %s", got)
	}
}
