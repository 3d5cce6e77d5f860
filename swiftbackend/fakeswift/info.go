package fakeswift

import (
	"encoding/json"
	"net/http"
)

// serveInfo answers what this cluster is and can do.
func (q *request) serveInfo() *failure {
	l := &q.s.opts.Limits
	policies := make([]map[string]any, len(q.s.opts.Policies))
	for i, name := range q.s.opts.Policies {
		policies[i] = map[string]any{"name": name, "aliases": name}
		if i == 0 {
			policies[i]["default"] = true
		}
	}
	swift := map[string]any{
		"version":                   "2.30.1",
		"max_file_size":             l.MaxFileSize,
		"container_listing_limit":   l.ContainerListing,
		"account_listing_limit":     l.AccountListing,
		"max_object_name_length":    l.MaxObjectName,
		"max_container_name_length": l.MaxContainerName,
		"max_account_name_length":   256,
		"max_meta_count":            l.MaxMetaCount,
		"max_meta_name_length":      l.MaxMetaName,
		"max_meta_value_length":     l.MaxMetaValue,
		"max_meta_overall_size":     l.MaxMetaOverall,
		"max_header_size":           maxHeaderLine,
		"extra_header_count":        0,
		"strict_cors_mode":          true,
		"allow_account_management":  false,
		"account_autocreate":        true,
		"valid_api_versions":        []string{"v1", "v1.0"},
		"policies":                  policies,
		"allow_open_expired":        false,
		"cors_allow_origin":         []string{},
		"cors_expose_headers":       []string{},
	}
	info := map[string]any{
		"swift":            swift,
		"tempauth":         map[string]any{"account_acls": true},
		"container_quotas": map[string]any{},
		"account_quotas":   map[string]any{},
	}
	for name, value := range map[string]any{
		"slo": map[string]any{
			"max_manifest_segments": l.MaxManifestSegments, "max_manifest_size": maxManifestSize,
			"min_segment_size": 1, "yield_frequency": 10, "allow_async_delete": false,
		},
		"bulk_delete": map[string]any{"max_deletes_per_request": l.MaxDeletes, "max_failed_deletes": 1000},
		"symlink":     map[string]any{"symloop_max": maxLinks, "static_links": true},
	} {
		if q.s.has(name) {
			info[name] = value
		}
	}
	body, err := json.Marshal(info)
	if err != nil {
		return failf(http.StatusInternalServerError, "%v", err)
	}
	send(q.w, http.StatusOK, "application/json; charset=UTF-8", body)
	return nil
}
