package bench

import (
	"regexp"
	"slices"
)

// AllRows returns the rows in the order of the reports.
func AllRows() []Row {
	return slices.Concat(readRows(), writeRows(), listRows(), treeRows(), renameRows())
}

// Names returns the names of the results of a row.
func (r *Row) Names() []string {
	var names []string
	for _, s := range r.Steps {
		names = append(names, s.Name+"@"+r.Setting.Name)
	}
	return names
}

// ChooseRows returns the rows that have a result whose name matches.
func ChooseRows(pattern string) ([]Row, error) {
	match, err := regexp.Compile(pattern)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(AllRows(), func(r Row) bool { return !slices.ContainsFunc(r.Names(), match.MatchString) }), nil
}

// one is the raw candidate over one connection.
const one = "raw"
