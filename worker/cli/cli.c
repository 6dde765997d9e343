/* cli/cli */
typedef int room_is_being_built;
