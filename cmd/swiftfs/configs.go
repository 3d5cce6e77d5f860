package main

import (
	"errors"
	"log/slog"

	"swiftfs/fs"
	"swiftfs/swiftbackend"
)

// fsConfig is what the options mean to package fs. log may be nil for a Config
// that is only validated.
func (o *options) fsConfig(src source, log *slog.Logger) fs.Config {
	c := fs.DefaultConfig()
	if log != nil {
		c.Log = log
	}
	a, d := o.access, o.data
	c.Container, c.Prefix, c.FSName = src.container, src.prefix, src.text
	c.ReadOnly, c.AllowOther, c.ShowSegments = a.readOnly, a.allowOther, a.showSegments
	c.Symlinks = fs.Symlinks(a.symlinks)
	c.DefaultPermissions = a.defaultPermissions != nil && *a.defaultPermissions
	c.UID, c.GID, c.Umask, c.DirMode, c.FileMode = a.uid, a.gid, a.umask, a.dirMode, a.fileMode
	c.Attrs = fs.AttrMode(a.attrs)
	c.CacheTTL, c.MemoryLimit, c.SegmentSize = d.cacheTTL, d.memoryLimit, d.segmentSize
	c.UploadConcurrency, c.ReadAhead = d.uploadConcurrency, d.readAhead
	return c
}

// backendConfig finds the account to log in to: the cloud that src names, else
// the credentials file, else the environment. Options stand above all three.
func (o *options) backendConfig(src source, env lookupFunc) (swiftbackend.Config, error) {
	s := o.server
	c, err := s.account(src, env)
	if err != nil {
		return c, usageError(err)
	}
	if s.authVersion != 0 {
		c.Auth.Version = s.authVersion
	}
	if s.region != "" {
		c.Region = s.region
	}
	if s.endpointType != "" {
		c.EndpointType = s.endpointType
	}
	if s.caCert != "" {
		c.CACert = s.caCert
	}
	c.Insecure = c.Insecure || s.insecure
	c.Timeout, c.Requests = s.timeout, s.requests
	c.UserAgent = "swiftfs/" + buildVersion()
	if err := c.Validate(); err != nil {
		return c, usageError(err)
	}
	return c, nil
}

func (s serverOptions) account(src source, env lookupFunc) (swiftbackend.Config, error) {
	if src.cloud != "" {
		return swiftbackend.FromClouds(src.cloud, swiftbackend.CloudsPaths(env))
	}
	c := swiftbackend.DefaultConfig()
	vars := env
	if s.credentials != "" {
		var err error
		if vars, err = readCredentials(s.credentials); err != nil {
			return c, err
		}
	}
	var err error
	if c.Auth, c.Region, c.EndpointType, err = swiftbackend.AuthFromEnv(vars); err != nil {
		return c, err
	}
	c.CACert, _ = vars("OS_CACERT")
	if c.Auth == (swiftbackend.Auth{}) {
		return c, noAccount(s.credentials)
	}
	return c, nil
}

// noAccount says where the account could have come from.
func noAccount(credentials string) error {
	if credentials != "" {
		return errors.New("credentials file " + credentials + " names no account: it has to set ST_AUTH, ST_USER and ST_KEY, or OS_AUTH_URL and its companions")
	}
	return errors.New("no account to log in to: set ST_AUTH, ST_USER and ST_KEY (or OS_AUTH_URL and its companions) in the environment, " +
		"or name a file that sets them with the option credentials=FILE; mount(8) and systemd pass no environment, so they need the file")
}
