# unstage.sh FOLDER
case $1 in
*/minewarden-deploy.??????????) rm -rf "$1" ;;
*) refuse "$1 is no folder of ours" ;;
esac
