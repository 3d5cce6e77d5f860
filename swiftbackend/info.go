package swiftbackend

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"path"
	"strings"
)

// Info is what the server says it can do and where its limits are; where it is
// silent, OpenStack Swift's defaults stand.
type Info struct {
	Server  string // "OpenStack Swift 2.30.1" or "Ceph RGW 16.2.15", as far as told
	Known   bool   // /info was found; else all of this is assumed
	RGW     bool
	Version string

	MaxFileSize      int64 // bytes of one object that is not segmented
	ListingLimit     int   // rows of one page, of containers and of objects
	AccountLimit     int
	ListingTold      bool // the server told ListingLimit
	AccountTold      bool // or a limit of listings, which AccountLimit is at least
	MaxContainerName int  // bytes
	MaxObjectName    int  // bytes
	MaxMetaCount     int
	MaxMetaName      int // bytes
	MaxMetaValue     int // bytes
	MaxMetaTotal     int // bytes

	SLO            bool
	MaxSLOSegments int
	MinSegmentSize int64
	DLO            bool // always assumed: servers have dynamic large objects and do not say so
	BulkDelete     bool
	MaxBulkDeletes int
	Symlink        bool
}

func defaultInfo() Info {
	return Info{
		Server: "unknown server", MaxFileSize: 5<<30 + 2, ListingLimit: 10000, AccountLimit: 10000,
		MaxContainerName: 256, MaxObjectName: 1024, MaxMetaCount: 90, MaxMetaName: 128, MaxMetaValue: 256, MaxMetaTotal: 4096,
		MaxSLOSegments: 1000, MinSegmentSize: 1, DLO: true, MaxBulkDeletes: 10000,
	}
}

// infoDocument is the part of /info that is used.
type infoDocument struct {
	Swift *struct {
		Version          string `json:"version"`
		MaxFileSize      int64  `json:"max_file_size"`
		ContainerListing int    `json:"container_listing_limit"`
		AccountListing   int    `json:"account_listing_limit"`
		MaxContainerName int    `json:"max_container_name_length"`
		MaxObjectName    int    `json:"max_object_name_length"`
		MaxObjectNameRGW int    `json:"max_object_name_size"`
		MaxMetaCount     int    `json:"max_meta_count"`
		MaxMetaName      int    `json:"max_meta_name_length"`
		MaxMetaValue     int    `json:"max_meta_value_length"`
		MaxMetaTotal     int    `json:"max_meta_overall_size"`
	} `json:"swift"`
	SLO *struct {
		MaxSegments    int   `json:"max_manifest_segments"`
		MinSegmentSize int64 `json:"min_segment_size"`
	} `json:"slo"`
	BulkDelete *struct {
		Max int `json:"max_deletes_per_request"`
	} `json:"bulk_delete"`
	Symlink *json.RawMessage `json:"symlink"`
}

// fetchInfo asks for /info where servers have it. A server without it, or one
// that hides it, is no error: the defaults are then assumed.
func fetchInfo(ctx context.Context, client *http.Client, storage *url.URL) (Info, error) {
	for _, u := range infoURLs(storage) {
		doc, ok, err := fetchInfoAt(ctx, client, u)
		if err != nil {
			return Info{}, err
		}
		if ok {
			return doc.info(), nil
		}
	}
	return defaultInfo(), nil
}

// infoURLs returns the places of /info for a storage URL: beside /v1 of
// OpenStack Swift and of an RGW with the account in its URL (/swift/v1/AUTH_x),
// and below /swift of an RGW without (/swift/v1).
func infoURLs(storage *url.URL) []string {
	var urls []string
	add := func(p string) {
		u := *storage
		u.Path, u.RawPath, u.RawQuery = p, "", ""
		urls = append(urls, u.String())
	}
	before, _, found := strings.Cut(storage.Path+"/", "/v1/")
	if found {
		add(before + "/info")
	} else {
		add(path.Join(storage.Path, "..", "..", "info"))
	}
	return urls
}

func fetchInfoAt(ctx context.Context, client *http.Client, u string) (*infoDocument, bool, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u, nil)
	if err != nil {
		return nil, false, wrap("GET info", "", &hints{}, err)
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil, false, wrap("GET info", "", &hints{}, err)
	}
	defer drain(resp)
	if resp.StatusCode != http.StatusOK {
		return nil, false, nil
	}
	doc := new(infoDocument)
	if err := json.NewDecoder(io.LimitReader(resp.Body, 1<<20)).Decode(doc); err != nil || doc.Swift == nil {
		return nil, false, nil //nolint:nilerr // something else answers at this place
	}
	return doc, true, nil
}

func (d *infoDocument) info() Info {
	i := defaultInfo()
	s := d.Swift
	i.Known, i.Version = true, s.Version
	// RGW names its object name limit differently and has no metadata limits.
	i.RGW = s.MaxObjectNameRGW > 0
	i.Server = "OpenStack Swift " + s.Version
	if i.RGW {
		i.Server = "Ceph RGW " + s.Version
		i.MaxContainerName = 255
		i.MaxMetaName, i.MaxMetaValue, i.MaxMetaTotal, i.MaxMetaCount = 80, 16000, 32000, 500
	}
	set(&i.MaxFileSize, s.MaxFileSize)
	set(&i.ListingLimit, s.ContainerListing)
	set(&i.AccountLimit, s.ContainerListing)
	set(&i.AccountLimit, s.AccountListing)
	i.ListingTold = s.ContainerListing > 0
	i.AccountTold = i.ListingTold || s.AccountListing > 0
	set(&i.MaxContainerName, s.MaxContainerName)
	set(&i.MaxObjectName, s.MaxObjectName)
	set(&i.MaxObjectName, s.MaxObjectNameRGW)
	set(&i.MaxMetaCount, s.MaxMetaCount)
	set(&i.MaxMetaName, s.MaxMetaName)
	set(&i.MaxMetaValue, s.MaxMetaValue)
	set(&i.MaxMetaTotal, s.MaxMetaTotal)
	if i.SLO = d.SLO != nil; i.SLO {
		set(&i.MaxSLOSegments, d.SLO.MaxSegments)
		set(&i.MinSegmentSize, d.SLO.MinSegmentSize)
	}
	if i.BulkDelete = d.BulkDelete != nil; i.BulkDelete {
		set(&i.MaxBulkDeletes, d.BulkDelete.Max)
	}
	i.Symlink = d.Symlink != nil
	return i
}

func set[T int | int64](dst *T, v T) {
	if v > 0 {
		*dst = v
	}
}
