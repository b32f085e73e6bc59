package api

// Store is what the service keeps; sql/control is one.
type Store interface {
	CallStore
	RoomStore
	PeopleStore
	UploadStore
	DataStore
	ReportStore
	JobStore
	HookStore
}
