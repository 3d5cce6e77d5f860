package swiftbackend

import (
	"fmt"
	"math"
	"strconv"
)

// AuthFromEnv reads the OS_* and ST_* variables that lookup finds, under the
// names that OpenStack's and Swift's own clients use. It returns the Auth, the
// region and the endpoint type.
func AuthFromEnv(lookup func(string) (string, bool)) (a Auth, region, endpointType string, err error) {
	first := func(names ...string) string {
		for _, n := range names {
			if v, ok := lookup(n); ok && v != "" {
				return v
			}
		}
		return ""
	}
	a = Auth{
		URL:                 first("OS_AUTH_URL", "ST_AUTH"),
		User:                first("OS_USERNAME", "ST_USER"),
		UserID:              first("OS_USER_ID", "OS_USERID"),
		Key:                 Secret(first("OS_PASSWORD", "ST_KEY")),
		UserDomain:          first("OS_USER_DOMAIN_NAME"),
		UserDomainID:        first("OS_USER_DOMAIN_ID"),
		Project:             first("OS_PROJECT_NAME", "OS_TENANT_NAME"),
		ProjectID:           first("OS_PROJECT_ID", "OS_TENANT_ID"),
		ProjectDomain:       first("OS_PROJECT_DOMAIN_NAME"),
		ProjectDomainID:     first("OS_PROJECT_DOMAIN_ID"),
		AppCredentialID:     first("OS_APPLICATION_CREDENTIAL_ID"),
		AppCredentialName:   first("OS_APPLICATION_CREDENTIAL_NAME"),
		AppCredentialSecret: Secret(first("OS_APPLICATION_CREDENTIAL_SECRET")),
		Token:               Secret(first("OS_AUTH_TOKEN", "OS_TOKEN")),
		TrustID:             first("OS_TRUST_ID"),
		StorageURL:          first("OS_STORAGE_URL"),
	}
	// The ST_ names are one complete set of v1 credentials: when ST_AUTH is the
	// URL in use, its own user and key belong to it.
	if first("OS_AUTH_URL") == "" && a.URL != "" {
		a.User, a.Key = first("ST_USER", "OS_USERNAME"), Secret(first("ST_KEY", "OS_PASSWORD"))
	}
	// A token with its storage URL needs no login, whatever else is set.
	if a.StorageURL != "" && a.Token != "" {
		a.URL = ""
	}
	for _, name := range []string{"ST_AUTH_VERSION", "OS_IDENTITY_API_VERSION"} {
		v := first(name)
		if v == "" || a.Version != 0 {
			continue
		}
		if a.Version, err = ParseAuthVersion(v); err != nil {
			return a, "", "", fmt.Errorf("%s: %w", name, err)
		}
	}
	if a.Version == 0 && first("OS_AUTH_URL") == "" && a.URL != "" {
		a.Version = Auth{URL: a.URL}.version()
	}
	return a, first("OS_REGION_NAME"), first("OS_ENDPOINT_TYPE", "OS_INTERFACE"), nil
}

// ParseAuthVersion reads "1", "1.0", "2", "2.0", "3", with or without a v; ""
// and "auto" are 0, by the URL.
func ParseAuthVersion(s string) (int, error) {
	if s == "" || s == "auto" {
		return 0, nil
	}
	if s[0] == 'v' {
		s = s[1:]
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || math.IsNaN(f) || f < 1 || f >= 4 {
		return 0, fmt.Errorf("auth version %q is not known; it is 1, 2 or 3", s)
	}
	return int(f), nil
}
