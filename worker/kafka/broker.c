/* kafka/broker */
typedef int room_is_being_built;
