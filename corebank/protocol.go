package corebank

import (
	"kontor/connector/sdk"
)

// connect puts the connector protocol between the bank and the hub.
func (b *Bank) connect(c Config) error {
	if b.hub == nil {
		b.hub = sdk.NewHub(sdk.HubConfig{HubURL: c.HubURL, AppID: c.AppID, AppSecret: c.AppSecret, SigningKey: c.SigningKey, Now: c.Now})
	}
	keys := make([]sdk.PublicKey, len(c.HubKeys))
	for i, k := range c.HubKeys {
		keys[i] = sdk.PublicKey{Key: k}
	}
	b.mount(sdk.New(sdk.Config{Bank: connector{b}, HubKeys: keys, ProviderCode: b.code, Now: c.Now, Log: c.Log}))
	return nil
}
