// What all rules of this folder are about: a file that Linux runs, or memory.
//
// The files of this folder make one namespace, and this rule is global in it: without it none of the others is asked,
// and a file that is no program is not searched at all. Memory that is read in pieces has no file size.
global private rule program
{
    condition:
        not defined filesize or uint32(0) == 0x464c457f
}
