package swiftbackend

import (
	"errors"
	"fmt"
	iofs "io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
)

// cloud is one entry of clouds.yaml, in the layout of openstacksdk.
type cloud struct {
	Auth struct {
		AuthURL               string `yaml:"auth_url"`
		Username              string `yaml:"username"`
		UserID                string `yaml:"user_id"`
		Password              string `yaml:"password"`
		UserDomainName        string `yaml:"user_domain_name"`
		UserDomainID          string `yaml:"user_domain_id"`
		ProjectName           string `yaml:"project_name"`
		ProjectID             string `yaml:"project_id"`
		ProjectDomainName     string `yaml:"project_domain_name"`
		ProjectDomainID       string `yaml:"project_domain_id"`
		ApplicationCredID     string `yaml:"application_credential_id"`
		ApplicationCredName   string `yaml:"application_credential_name"`
		ApplicationCredSecret string `yaml:"application_credential_secret"`
		Token                 string `yaml:"token"`
		TrustID               string `yaml:"trust_id"`
	} `yaml:"auth"`
	RegionName   string `yaml:"region_name"`
	Interface    string `yaml:"interface"`
	EndpointType string `yaml:"endpoint_type"`
	CACert       string `yaml:"cacert"`
	Verify       *bool  `yaml:"verify"`
	APIVersion   string `yaml:"identity_api_version"`
}

type cloudsFile struct {
	Clouds map[string]cloud `yaml:"clouds"`
}

// CloudsPaths returns where clouds.yaml is looked for, as openstacksdk does:
// OS_CLIENT_CONFIG_FILE, the working directory, the user's and the system's
// configuration.
func CloudsPaths(lookup func(string) (string, bool)) []string {
	var paths []string
	if p, ok := lookup("OS_CLIENT_CONFIG_FILE"); ok && p != "" {
		paths = append(paths, p)
	}
	paths = append(paths, "clouds.yaml")
	if dir, err := os.UserConfigDir(); err == nil {
		paths = append(paths, filepath.Join(dir, "openstack", "clouds.yaml"))
	}
	return append(paths, "/etc/openstack/clouds.yaml")
}

// FromClouds returns the Config that the entry name of the first clouds.yaml
// among paths describes, with the secure.yaml beside it laid over it.
func FromClouds(name string, paths []string) (Config, error) {
	for _, p := range paths {
		text, err := os.ReadFile(p)
		if errors.Is(err, iofs.ErrNotExist) {
			continue
		}
		if err != nil {
			return Config{}, fmt.Errorf("reading the clouds: %w", err)
		}
		var f cloudsFile
		if err := yaml.Unmarshal(text, &f); err != nil {
			return Config{}, fmt.Errorf("%s is not a clouds.yaml: %w", p, err)
		}
		if secure, err := os.ReadFile(filepath.Join(filepath.Dir(p), "secure.yaml")); err == nil {
			// Decoding over what is there keeps the fields secure.yaml is silent about.
			if err := mergeSecure(&f, name, secure); err != nil {
				return Config{}, fmt.Errorf("secure.yaml beside %s: %w", p, err)
			}
		}
		c, ok := f.Clouds[name]
		if !ok {
			return Config{}, fmt.Errorf("%s has no cloud %q; it has %s", p, name, strings.Join(sortedNames(f.Clouds), ", "))
		}
		return c.config()
	}
	return Config{}, fmt.Errorf("no clouds.yaml for cloud %q; looked for %s", name, strings.Join(paths, ", "))
}

func mergeSecure(f *cloudsFile, name string, text []byte) error {
	var raw struct {
		Clouds map[string]yamlNode `yaml:"clouds"`
	}
	if err := yaml.Unmarshal(text, &raw); err != nil {
		return err
	}
	node, ok := raw.Clouds[name]
	if !ok {
		return nil
	}
	c := f.Clouds[name]
	if err := yaml.Unmarshal(node, &c); err != nil {
		return err
	}
	if f.Clouds == nil {
		f.Clouds = map[string]cloud{}
	}
	f.Clouds[name] = c
	return nil
}

// yamlNode keeps the text of a part of a document for later decoding.
type yamlNode []byte

// UnmarshalYAML implements yaml.BytesUnmarshaler.
func (n *yamlNode) UnmarshalYAML(b []byte) error {
	*n = slices.Clone(b)
	return nil
}

func sortedNames(m map[string]cloud) []string {
	names := make([]string, 0, len(m))
	for n := range m {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}

func (c cloud) config() (Config, error) {
	cfg := DefaultConfig()
	version, err := ParseAuthVersion(c.APIVersion)
	if err != nil {
		return Config{}, fmt.Errorf("identity_api_version: %w", err)
	}
	a := c.Auth
	cfg.Auth = Auth{
		URL: a.AuthURL, Version: version,
		User: a.Username, UserID: a.UserID, Key: Secret(a.Password), UserDomain: a.UserDomainName, UserDomainID: a.UserDomainID,
		Project: a.ProjectName, ProjectID: a.ProjectID, ProjectDomain: a.ProjectDomainName, ProjectDomainID: a.ProjectDomainID,
		AppCredentialID: a.ApplicationCredID, AppCredentialName: a.ApplicationCredName, AppCredentialSecret: Secret(a.ApplicationCredSecret),
		Token: Secret(a.Token), TrustID: a.TrustID,
	}
	cfg.Region, cfg.CACert = c.RegionName, c.CACert
	cfg.EndpointType = strings.TrimSuffix(c.Interface+c.EndpointType, "URL")
	cfg.Insecure = c.Verify != nil && !*c.Verify
	return cfg, nil
}
